"""One number for the content of a day, made alike of a file here and by SQL in the database.

Rows come in the order of their key, that of the time last. Those that differ in time only are one
group, which has a hash of its own; the checksum is the hash of these. So neither side holds a day.
The query is ``checksum_of_day.sql``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import groupby
from typing import Any

from ..model import Row, Table
from ..store.copying.content import Content

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def content_of(table: Table, rows: Iterable[Row]) -> Content:
    """Return what rows hold: how many, their oldest and newest time, and the checksum."""
    places = [table.columns.index(name) for name in table.key if name != table.time]
    time = table.columns.index(table.time)
    whole, count = sha256(), 0
    times: list[datetime] = []
    for _, group in groupby(rows, lambda row: [row[place] for place in places]):
        alike = list(group)
        count += len(alike)
        times = [min([*times, alike[0][time]]), max([*times, alike[-1][time]])]
        whole.update(_hash(alike))
    low, high = times or (None, None)
    return Content(count, low, high, whole.hexdigest())


def _hash(rows: Iterable[Row]) -> bytes:
    lines = "".join(",".join(map(_text, row)) + ";" for row in rows)
    return sha256(lines.encode()).hexdigest().encode()


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return str((value - EPOCH) // MICROSECOND)
    return str(value)
