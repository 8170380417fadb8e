"""Deletes old prices, where a person asks for it. Nothing else in gept ever does.

TimescaleDB keeps a policy and deletes by itself from then on; its first run is immediate. Native
partitions are dropped once, when asked. Only whole parts go, so that no row is looked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection, Cursor
from psycopg.rows import class_row
from psycopg.sql import SQL, Literal

from ...errors import UsageError
from ..queries import named
from ..session import session
from . import policies
from .timescale import IS_HYPERTABLE, PATIENCE, Extension, Mode, look, retentions

DROP_CHUNKS = SQL("SELECT drop_chunks({table}, older_than => {before}::timestamptz)")


@dataclass(frozen=True, slots=True)
class Part:
    """A chunk or partition: its name, from when to when it goes, and its bytes on disk."""

    name: str
    low: datetime
    high: datetime
    bytes: int


class Retention:
    """What is kept how long, in one database."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        with connection.cursor() as cursor:
            self._extension: Extension = look(cursor)

    def kept(self, table: str) -> timedelta | None:
        """Return after how long the server deletes rows of a table by itself; None is never."""
        with self._connection.cursor() as cursor:
            return retentions(cursor).get(table)

    def lasts(self, table: str) -> bool:
        """Tell whether the server can go on deleting by itself."""
        return self._extension.mode is Mode.TIMESCALE and self.is_hypertable(table)

    def aged(self, table: str, before: datetime) -> list[Part]:
        """Return the parts of a table that end before a moment, the oldest first."""
        query = "aged_chunks" if self.is_hypertable(table) else "aged_partitions"
        with self._connection.cursor(row_factory=class_row(Part)) as cursor:
            return cursor.execute(named(query), {"table": table, "before": before}).fetchall()

    def keep(self, table: str, length: timedelta) -> None:
        """Let the server delete what is older from now on. Its first run is immediate."""
        self._refuse_unlasting(table)
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute(PATIENCE)
            policies.put(cursor, policies.Kind.RETENTION, table, length)

    def forget(self, table: str) -> None:
        """Keep a table for ever."""
        self._refuse_unlasting(table)
        with self._connection.cursor() as cursor:
            policies.remove(cursor, policies.Kind.RETENTION, table)

    def _refuse_unlasting(self, table: str) -> None:
        if not self.lasts(table):
            raise UsageError(f"{table}: nothing deletes its rows here; it is kept for ever")

    def drop(self, table: str, parts: list[Part]) -> None:
        """Delete parts once; each has a transaction of its own, so that what is done stays done."""
        for part in parts:
            with self._connection.transaction(), self._connection.cursor() as cursor:
                cursor.execute(PATIENCE)
                self._drop(table, part)
                unwant(cursor, table, part.low, part.high)

    def _drop(self, table: str, part: Part) -> None:
        if self.is_hypertable(table):
            about = {"table": Literal(table), "before": Literal(part.high)}
            self._connection.execute(DROP_CHUNKS.format(**about))
        else:
            self._connection.execute(SQL("DROP TABLE ") + SQL(part.name))

    def is_hypertable(self, table: str) -> bool:
        """Tell whether TimescaleDB lays a table out."""
        if self._extension.mode is Mode.NATIVE:
            return False
        found = self._connection.execute(IS_HYPERTABLE, (table,)).fetchone()
        return bool(found and found[0])


def unwant(cursor: Cursor[Any], table: str, low: datetime | None, high: datetime) -> None:
    """Want a span of a table no longer, so that nothing says that its rows are here."""
    cursor.execute(named("unwant"), {"table": table, "low": low, "high": high})


def expire(cursor: Cursor[Any], now: datetime) -> None:
    """Want no longer what the server deletes by itself, whether it has done so already or not."""
    for table, length in retentions(cursor).items():
        unwant(cursor, table, None, now - length)


@contextmanager
def retention(address: str) -> Iterator[Retention]:
    """Open a database's retention. Raises StoreAway or StoreBroken."""
    with session(address) as connection:
        yield Retention(connection)
