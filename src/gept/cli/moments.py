"""TIME on the command line: ISO 8601, or Unix seconds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NoReturn

import click

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
EVER = datetime(2013, 1, 1, tzinfo=UTC)
"""Before any tick of any source: the game began then."""


class Moment(click.ParamType[datetime]):
    """Reads a moment; one without a zone is UTC."""

    name = "TIME"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the moment that a text tells."""
        if isinstance(value, datetime):
            return value
        try:
            if value.isascii() and value.isdigit():
                value = datetime.fromtimestamp(int(value), UTC).isoformat()
            at = datetime.fromisoformat(value)
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        except (ValueError, OverflowError, OSError):
            self._refuse(value, "is no time", param, ctx)
        if not EARLIEST <= at < LATEST:
            self._refuse(value, "is not a time between 1970 and 2100", param, ctx)
        return at

    def _refuse(
        self, value: str, why: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> NoReturn:
        remedy = "write it like 2026-11-22T12:05:00Z, or as Unix seconds"
        self.fail(f"{value!r} {why}; {remedy}", param, ctx)


MOMENT = Moment()


def in_json(at: datetime | None) -> str | None:
    """Return a moment as JSON has it: in UTC, which is Z here as everywhere."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def from_json(at: str | None) -> str:
    """Return a moment of JSON as a person reads it."""
    return written(None if at is None else datetime.fromisoformat(at))


def written(at: datetime | None) -> str:
    """Return a moment as a person reads it."""
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M:%S}Z"
