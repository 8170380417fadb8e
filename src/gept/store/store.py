"""Everything that gept asks of its database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from psycopg import Cursor
from psycopg.sql import SQL, Identifier

from .layouts import retention, timescale
from .queries import named
from .records import Neighbour, Size
from .subjects.completeness import Completeness
from .subjects.fleet import Fleet
from .subjects.kept import Kept
from .subjects.rows import Rows
from .subjects.subject import rows_as
from .subjects.ticks import Ticks

PING = "SELECT 1"
AT_ONCE = "SET LOCAL lock_timeout = '500ms'; SET LOCAL statement_timeout = '2s'"
NEWEST = SQL("SELECT max({time})::timestamptz FROM {table}")
UNTOLD = (
    "its newest {0} is not known: let this role read that column, and let an index begin with it"
)


class Store(Rows, Ticks, Completeness, Kept, Fleet):
    """The database, as collecting needs it. Every method raises StoreAway or StoreBroken."""

    def ping(self) -> None:
        """See that the database answers."""
        with self._database.transaction() as cursor:
            cursor.execute(PING)

    def expire(self, now: datetime) -> None:
        """Want no longer what the server deletes by itself, where a person told it to."""
        with self._database.transaction() as cursor:
            retention.expire(cursor, now)

    def sizes(self, tables: Sequence[str]) -> list[Size]:
        """Return how big tables are, without reading any of their rows."""
        with self._database.transaction() as cursor:
            return _sizes(cursor, tables)

    def neighbour(self, table: str, time: str) -> Neighbour | None:
        """Return how a table of others stands, with the newest of a column; None without it.

        Nobody is kept waiting for it: what does not come at once raises StoreAway.
        """
        with self._database.transaction() as cursor:
            cursor.execute(AT_ONCE)
            [size] = _sizes(cursor, [table])
            if not size.there:
                return None
            about = {"name": table, "time": time}
            [(quick,)] = cursor.execute(named("tells_newest"), about).fetchall()
            if not quick:
                return Neighbour(table, size, error=UNTOLD.format(time))
            query = NEWEST.format(time=Identifier(time), table=Identifier(table))
            [(newest,)] = cursor.execute(query).fetchall()
            return Neighbour(table, size, newest)


def _sizes(cursor: Cursor[Any], tables: Sequence[str]) -> list[Size]:
    with rows_as(cursor, Size) as sizes:
        found = sizes.execute(named("sizes"), {"names": list(tables)}).fetchall()
    large = timescale.sizes(cursor)
    return [_with_chunks(each, large) for each in found]


def _with_chunks(size: Size, large: dict[str, tuple[int | None, int]]) -> Size:
    """Return the size of a table with the chunks that are compressed, which are tables apart."""
    if size.name not in large:
        return size
    rows, taken = large[size.name]
    return replace(size, rows=rows or size.rows, size=taken)
