"""Hours and the buckets that they are made of: where they differ, and the one from the other.

The source keeps its own hours, so each tells whether the other was read and kept truly. Each look
is at one hour, so that it costs the same however long the tables are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg import Cursor
from psycopg.rows import class_row
from psycopg.sql import SQL, Composed, Identifier

from ..model import Collector, Counts, Row, Status
from .queries import named


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour whose buckets are all good, and how it stands itself; None where nobody asked."""

    tick: datetime
    status: Status | None

    @property
    def good(self) -> bool:
        """Whether nothing of it is missing any more."""
        return self.status is not None and self.status.good


@dataclass(frozen=True, slots=True)
class Difference:
    """One side of one item where an hour is not what its buckets make together.

    ``price`` and ``volume`` are those of the hour, ``mean`` and ``total`` those of its buckets.
    """

    item_id: int
    side: str
    price: int | None
    volume: int
    mean: Decimal | None
    total: Decimal


@dataclass(frozen=True, slots=True)
class Made:
    """A collector, and the one whose buckets make its own: hours of five minutes."""

    whole: Collector
    parts: Collector

    def ticks(self, tick: datetime) -> list[datetime]:
        """Return the ticks of the buckets that one tick is made of."""
        end = self.whole.schedule.following(tick)
        return list(self.parts.schedule.between(tick, end))


def complete(cursor: Cursor[Any], made: Made, since: datetime, until: datetime) -> list[Hour]:
    """Return the hours of a span whose buckets are all good."""
    about = {
        "collector": made.whole.name,
        "parts": made.parts.name,
        "step": made.whole.schedule.interval,
        "part_step": made.parts.schedule.interval,
        "since": since,
        "until": until,
    }
    found = cursor.execute(named("hours"), about)
    return [Hour(tick, Status(status) if status else None) for tick, status in found]


def differences(cursor: Cursor[Any], made: Made, tick: datetime) -> list[Difference]:
    """Return where an hour is not what its buckets make together."""
    rows = cursor.connection.cursor(row_factory=class_row(Difference))
    return rows.execute(_query("differences", made), _bounds(made, tick)).fetchall()


def sums(cursor: Cursor[Any], made: Made, tick: datetime) -> list[Row]:
    """Return the rows that the buckets of an hour make together."""
    return cursor.execute(_query("sums", made), _bounds(made, tick)).fetchall()


def record(cursor: Cursor[Any], made: Made, tick: datetime, counts: Counts, now: datetime) -> None:
    """Enter an hour that was made of its buckets."""
    about = {
        "collector": made.whole.name,
        "tick": tick,
        "rows": counts.rows,
        "inserted": counts.inserted,
        "updated": counts.updated,
        "removed": counts.removed,
        "unchanged": counts.unchanged,
        "now": now,
    }
    cursor.execute(named("record_rebuilt"), about)


def _query(name: str, made: Made) -> Composed:
    tables = {"whole": made.whole.table.name, "parts": made.parts.table.name}
    return SQL(named(name)).format(**{part: Identifier(table) for part, table in tables.items()})


def _bounds(made: Made, tick: datetime) -> dict[str, datetime]:
    return {"since": tick, "until": made.whole.schedule.following(tick)}
