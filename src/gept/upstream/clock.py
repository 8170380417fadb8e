"""Our clock held against that of a source, which tells its own with each answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

RESOLUTION = timedelta(seconds=1)
AGE = re.compile(r"[0-9]{1,10}")


def skew(headers: Mapping[str, str], asked: datetime, answered: datetime) -> float | None:
    """Return how many seconds our clock is ahead of a source's at least; None where it is silent.

    The source read its clock between our two readings of ours, and cut off the fractions. What a
    slow answer and whole seconds explain is no skew, so that a clock that is right is never blamed.
    """
    told = _told(headers)
    if told is None:
        return None
    if told > answered:
        return (answered - told).total_seconds()
    return max((asked - told - RESOLUTION).total_seconds(), 0.0)


def _told(headers: Mapping[str, str]) -> datetime | None:
    """Return the time that an answer tells: when it was made, and how long a cache has kept it."""
    date, age = headers.get("Date"), headers.get("Age", "0")
    if date is None or not AGE.fullmatch(age):
        return None
    try:
        at = parsedate_to_datetime(date)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return at.astimezone(UTC) + timedelta(seconds=int(age))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
