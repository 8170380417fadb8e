"""Rows in a session's own staging table, by COPY in binary form.

Its columns have the types of the declaration, so that what the driver packs is what it holds
whatever has become of the table, and the server itself checks each value on its way there. Its
name tells these types: sessions outlive a version of gept where a pooler keeps them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from psycopg import Cursor, adapters
from psycopg.sql import SQL, Composed, Identifier

from ..model import Row, Table
from .schema import shape
from .schema.shape import Shape

CREATE = SQL("CREATE TEMP TABLE IF NOT EXISTS {staged} ({columns}) ON COMMIT DELETE ROWS")
COPY = SQL("COPY {staged} ({names}) FROM STDIN (FORMAT BINARY)")
EMPTY = SQL("TRUNCATE {staged}")
BOUNDS = SQL("SELECT count(*), min({time}), max({time}) FROM {staged}")


@dataclass(frozen=True, slots=True)
class Staged:
    """The staging table, how many rows wait there, and their oldest and newest time."""

    name: str
    rows: int
    low: datetime
    high: datetime


@dataclass(frozen=True, slots=True)
class _Stage:
    name: str
    create: Composed
    copy: Composed
    bounds: Composed
    empty: Composed
    types: tuple[int, ...]


class Staging:
    """The staging table of a table, for one transaction; each filling replaces the one before.

    Raises StoreBroken where the table cannot take what is declared. It is looked at once: who has
    written to it keeps others from changing its columns.
    """

    def __init__(self, cursor: Cursor[Any], table: Table) -> None:
        found = shape.look(cursor, table)
        shape.require(found)
        self._cursor = cursor
        self._stage = _stage(found)
        self._filled = False
        cursor.execute(self._stage.create)

    def fill(self, rows: Iterable[Row]) -> Staged:
        """Copy rows to it."""
        where, cursor = self._stage, self._cursor
        if self._filled:
            cursor.execute(where.empty)
        self._filled = True
        with cursor.copy(where.copy) as copy:
            copy.set_types(where.types)
            write_row = copy.write_row
            for row in rows:
                write_row(row)
        return Staged(where.name, *cursor.execute(where.bounds).fetchone())  # type: ignore[misc]


@lru_cache(maxsize=256)
def _stage(found: Shape) -> _Stage:
    table = found.table
    types = _types(found)
    name = _name(table, types)
    parts = {
        "staged": Identifier(name),
        "time": Identifier(table.time),
        "names": SQL(", ").join(map(Identifier, types)),
        "columns": SQL(", ").join(
            SQL("{} {}").format(Identifier(each), SQL(kind)) for each, (kind, _) in types.items()
        ),
    }
    create, copy, bounds, empty = (form.format(**parts) for form in (CREATE, COPY, BOUNDS, EMPTY))
    oids = tuple(oid for _, oid in types.values())
    return _Stage(name, create, copy, bounds, empty, oids)


def _types(found: Shape) -> dict[str, tuple[str, int]]:
    """Return the name and the number of each column's type: the declared one, else the table's."""
    columns, declared = found.of(found.table.name), shape.wanted(found.table)
    types = {}
    for name in found.table.columns:
        if kind := declared[name]:
            types[name] = (kind, adapters.types[kind].oid)
        else:
            types[name] = (columns[name].type, columns[name].oid)
    return types


def _name(table: Table, types: dict[str, tuple[str, int]]) -> str:
    told = f"{table.name} {types}".encode()
    return f"staged_{blake2b(told, digest_size=4).hexdigest()}_{table.name}"
