"""Rows of one table out of a database, by COPY: the same however the table is laid out."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from psycopg import Cursor
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from ...errors import StoreBroken, UsageError
from ..queries import named
from .snapshot import Measure, Snapshot, begun, measure

TIMES = ("timestamp with time zone", "timestamp without time zone", "date")
OUT = SQL("COPY ({rows} ORDER BY {key}) TO STDOUT")
ROWS = SQL("SELECT {columns} FROM {table} WHERE {within}")
Span = tuple[datetime | None, datetime | None]
"""From a time on, to before another; None: no bound."""
EVER: Span = (None, None)


@dataclass(frozen=True)
class Shape:
    """A table as it is: its columns with their types, its key, and the time in its key, if any."""

    table: str
    columns: Mapping[str, str]
    key: tuple[str, ...]

    @cached_property
    def time(self) -> str | None:
        """The one column of the key that is a time."""
        times = [name for name in self.key if self.columns.get(name) in TIMES]
        return times[0] if len(times) == 1 else None

    def rows(self, span: Span = EVER) -> Composed:
        """Return the query for the rows of a range."""
        since, until = span
        within: list[Composable] = [SQL("true")]
        for sign, bound in (("{} >= {}", since), ("{} < {}", until)):
            if bound is not None:
                within.append(SQL(sign).format(Identifier(self.time or ""), Literal(bound)))
        return ROWS.format(
            columns=listed(self.columns),
            table=Identifier(self.table),
            within=SQL(" AND ").join(within),
        )


def shape(cursor: Cursor[Any], table: str) -> Shape:
    """Return the shape of a table. Raises UsageError, or StoreBroken without a key."""
    about = {"table": Identifier(table).as_string(cursor)}
    columns = dict(cursor.execute(named("columns_and_types"), about).fetchall())
    key = tuple(name for (name,) in cursor.execute(named("key_of_table"), about))
    if not columns:
        raise UsageError(f"there is no table {table}; `gept db status` lists the large ones")
    if not key:
        raise StoreBroken(f"{table} has no primary key, by which its rows could be told apart")
    return Shape(table, columns, key)


class Source:
    """A table as it was at one moment, to be copied out."""

    def __init__(self, cursor: Cursor[Any], of: Shape) -> None:
        self._cursor = cursor
        self.of = of
        self.moment = Snapshot(cursor)

    def measure(self, span: Span) -> Measure:
        """Return what a range of the table holds."""
        return measure(self._cursor, SQL("({})").format(self.of.rows(span)))

    def rows(self, span: Span) -> Generator[bytes, None, None]:
        """Yield the rows of a range in the order of the key, as COPY writes them.

        To be closed where it is not read to its end: until then the server waits for a reader.
        """
        query = OUT.format(rows=self.of.rows(span), key=listed(self.of.key))
        with self._cursor.copy(query) as copy:
            for part in copy:
                yield bytes(part)


@contextmanager
def source(address: str, table: str) -> Iterator[Source]:
    """Give a table as it is now. Raises StoreAway, or UsageError where it is not there."""
    with begun(address) as cursor:
        yield Source(cursor, shape(cursor, table))


def listed(names: Iterable[str], prefix: str | None = None) -> Composed:
    """Return names with commas between, each behind a prefix if there is one."""
    return SQL(", ").join(Identifier(prefix, n) if prefix else Identifier(n) for n in names)
