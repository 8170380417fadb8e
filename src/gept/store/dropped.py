"""Days whose rows are only in an archive: nothing is written to them until they are back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from psycopg import Cursor

from ..errors import StoreRefused
from ..model import Collector, Decoded
from .records import Known

DAYS = "SELECT day FROM dropped_days WHERE collector = %s"


def refuse(collector: Collector, tick: datetime, known: Known) -> None:
    """Raise StoreRefused for a tick of such a day: its rows would be in no place whole."""
    if known.archived_in is not None:
        raise StoreRefused(told(collector, tick, known.archived_in))


def told(collector: Collector, tick: datetime, place: str) -> str:
    """Return that the day of a tick is only in an archive, and what brings it back."""
    day = tick.astimezone(UTC).date()
    span = f"--since {day} --until {day + timedelta(days=1)}"
    return (
        f"{day} of {collector.name} is only in the archive {place}; bring it back first: "
        f"`gept archive restore {collector.name} {span}`"
    )


def left_out(cursor: Cursor[Any], collector: Collector, decoded: Decoded) -> list[Any]:
    """Return the rows that are of none of these days."""
    days = {day for (day,) in cursor.execute(DAYS, (collector.name,)).fetchall()}
    if not days:
        return decoded.rows
    place = collector.table.columns.index(collector.table.time)
    return [row for row in decoded.rows if _day(row[place]) not in days]


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()
