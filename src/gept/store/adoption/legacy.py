"""What an older database has under the names of gept's tables."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from ..layouts import timescale
from ..queries import named
from ..schema.migrate import begun, relations
from .shapes import BY_NAME

SCHEMA = "legacy"
HERE = "SELECT current_schema()"


@dataclass(frozen=True, slots=True)
class Old:
    """An old table. ``rows`` is an estimate, ``bytes`` is exact, with indexes and parts.

    ``readers`` are views, and tables with a foreign key to it. ``parts`` are what holds the rows.
    """

    name: str
    kind: str
    ours: bool
    types: dict[str, str]
    keys: list[str]
    indexes: list[str]
    readers: list[str]
    rows: int
    bytes: int
    parts: list[str]
    hypertable: bool = False

    @property
    def is_table(self) -> bool:
        """Whether it holds rows, as its own or in partitions."""
        return self.kind in {"r", "p"}

    @property
    def sources(self) -> list[str]:
        """What is read one after the other: a table by its pages, a hypertable by its times."""
        return self.parts if self.kind == "p" else [self.name]


def look(connection: Connection[Any], schema: str, wanted: Collection[str]) -> list[Old]:
    """Return the relations of a schema that have one of some names."""
    about = {"schema": schema, "names": list(wanted)}
    with connection.cursor(row_factory=class_row(Old)) as cursor:
        found = cursor.execute(named("adoption_looks"), about).fetchall()
    hypertables = _hypertables(connection, schema)
    return [
        replace(each, hypertable=True, rows=hypertables[each.name] or each.rows)
        if each.name in hypertables
        else each
        for each in found
    ]


def to_adopt(connection: Connection[Any]) -> list[Old]:
    """Return what is to be moved aside: what stands where gept's own is to be, and what it imports.

    Where gept's own is there already, only tables with names of their own are left to adopt.
    """
    wanted = set(BY_NAME) - relations() if begun(connection) else set(BY_NAME) | relations()
    return look(connection, here(connection), wanted)


def here(connection: Connection[Any]) -> str:
    """Return the schema in which gept's tables are, or are to be."""
    [(schema,)] = connection.execute(HERE).fetchall()
    return str(schema)


def _hypertables(connection: Connection[Any], schema: str) -> dict[str, int | None]:
    """Return the estimated rows of each hypertable."""
    with connection.cursor() as cursor:
        return {name: rows for name, (rows, _) in timescale.sizes(cursor, schema).items()}
