"""Rows back into their table, each once, by way of a staging table of one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from psycopg import Cursor
from psycopg.sql import SQL, Composable, Identifier, Literal

from ..layouts import plain, timescale
from .copies import Shape, listed, shape
from .snapshot import Measure, begun, measure

BEGIN = SQL("BEGIN")
STAGE = SQL("CREATE TEMP TABLE staged ON COMMIT DROP AS {rows} WITH NO DATA")
IN = SQL("COPY staged ({columns}) FROM STDIN")
BOUNDS = SQL("SELECT min({time}), max({time}) FROM staged")
COMPARE = SQL("""
    SELECT count(*), count(*) FILTER (WHERE {differs})
    FROM staged AS fresh JOIN {table} AS stored ON {same_key}
""")
INSERT = SQL("""
    INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE
    SELECT {fresh_columns} FROM staged AS fresh
    WHERE NOT EXISTS (SELECT FROM {table} AS stored WHERE {same_key})
    ORDER BY {fresh_key}
    ON CONFLICT ({key}) DO NOTHING
""")
UPDATE = SQL("""
    UPDATE {table} AS stored SET ({rest}) = ROW ({fresh_rest}) FROM staged AS fresh
    WHERE {same_key} AND {differs}
""")


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of rows; ``different`` ones are stored with other values, and were left so."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    different: int = 0


class Staging:
    """Takes rows in, and brings them into their table."""

    def __init__(self, cursor: Cursor[Any], of: Shape) -> None:
        self._cursor = cursor
        self.of = of

    def copy(self, parts: Iterable[bytes]) -> Measure:
        """Copy rows in, as COPY wrote them; return what came."""
        self._cursor.execute(STAGE.format(rows=self.of.rows()))
        with self._cursor.copy(IN.format(columns=listed(self.of.columns))) as copy:
            for part in parts:
                copy.write(part)
        self._cursor.execute("ANALYZE staged")
        return measure(self._cursor, Identifier("staged"))

    def take(self, width: timedelta | None, *, overwrite: bool) -> Restored:
        """Bring the rows into their table.

        ``width`` is how much time a partition of it holds, where it has such. A row that is stored
        with other values stays as it is, unless it is to be overwritten.
        """
        cursor = self._cursor
        closed = _lay_out(cursor, self.of, width)
        parts = _parts(cursor, self.of)
        [(there, different)] = cursor.execute(COMPARE.format(**parts)).fetchall()
        updated = 0
        if different and overwrite:
            timescale.decompress(cursor, closed)
            updated = cursor.execute(UPDATE.format(**parts)).rowcount
        inserted = cursor.execute(INSERT.format(**parts)).rowcount
        return Restored(inserted, updated, there - different, different - updated)


@contextmanager
def staging(address: str, table: str) -> Iterator[Staging]:
    """Give a transaction that takes rows of a table in: all that is done in it, or nothing.

    Raises StoreAway, StoreRefused, or StoreBroken where the table is not there.
    """
    with begun(address, BEGIN) as cursor:
        yield Staging(cursor, shape(cursor, table))


def _lay_out(cursor: Cursor[Any], of: Shape, width: timedelta | None) -> list[str]:
    """Make room for staged rows; return the compressed chunks that they go to."""
    low, high = _bounds(cursor, of)
    if width is None or low is None or high is None:
        return []
    if plain.ensure(cursor, of.table, width, low, high):
        return []
    return timescale.compressed(cursor, of.table, low, high)


def _bounds(cursor: Cursor[Any], of: Shape) -> tuple[Any, Any]:
    if of.time is None:
        return None, None
    [(low, high)] = cursor.execute(BOUNDS.format(time=Identifier(of.time))).fetchall()
    return low, high


def _parts(cursor: Cursor[Any], of: Shape) -> dict[str, Composable]:
    rest = [name for name in of.columns if name not in of.key] or [of.key[0]]
    low, high = _bounds(cursor, of)
    equal = SQL("{} = {}")
    same = [equal.format(Identifier("stored", n), Identifier("fresh", n)) for n in of.key]
    if of.time is not None and low is not None:
        # Only the partitions of that time are looked at.
        between = SQL("{} BETWEEN {} AND {}")
        same.append(between.format(Identifier("stored", of.time), Literal(low), Literal(high)))
    return {
        "table": Identifier(of.table),
        "columns": listed(of.columns),
        "fresh_columns": listed(of.columns, "fresh"),
        "key": listed(of.key),
        "fresh_key": listed(of.key, "fresh"),
        "rest": listed(rest),
        "fresh_rest": listed(rest, "fresh"),
        "same_key": SQL(" AND ").join(same),
        "differs": SQL("ROW ({}) IS DISTINCT FROM ROW ({})").format(
            listed(rest, "stored"), listed(rest, "fresh")
        ),
    }
