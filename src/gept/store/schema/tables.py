"""Whether the tables in the database are those that a collector of another package declares."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

import psycopg

from ...model import Collector, Table, Vanished
from ..faults import translated
from ..queries import named
from .migrate import shipped

CREATED = re.compile(r"CREATE TABLE (\w+)")


def faults(address: str, collector: Collector) -> list[str]:
    """Return what does not fit between a declaration and its tables. Raises StoreAway."""
    try:
        with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
            return [*_of_table(connection, collector)]
    except psycopg.Error as error:
        raise translated(error) from error


def borrowed(table: Table) -> list[str]:
    """Return what a declaration names that is a table of gept's own."""
    ours = {name for each in shipped() for name in CREATED.findall(each.sql)}
    named_by = {"table.name": table.name, "table.journal": table.journal}
    return [
        f"{field}: {name!r} is a table of gept's own; use another name"
        for field, name in named_by.items()
        if name in ours
    ]


def _of_table(connection: psycopg.Connection[Any], collector: Collector) -> Iterator[str]:
    table = collector.table
    yield from _of_one(connection, "table.name", table.name, table, table.key)
    if table.journal is not None:
        key = (*table.key, table.time)
        yield from _of_one(connection, "table.journal", table.journal, table, key)


def _of_one(
    connection: psycopg.Connection[Any], field: str, name: str, table: Table, key: Collection[str]
) -> Iterator[str]:
    about = {"table": name}
    columns = [column for (column,) in connection.execute(named("columns_of_table"), about)]
    if not columns:
        yield f"{field}: {name!r} is not there; let a migration of the package make it"
        return
    if missing := [each for each in _needed(table, field) if each not in columns]:
        yield f"{field}: {name!r} has no column {missing[0]!r}; there are {', '.join(columns)}"
    keys = [set(key) for (key,) in connection.execute(named("keys_of_table"), about)]
    if set(key) not in keys:
        yield f"{field}: {name!r} has no unique index on {', '.join(key)}; make that its key"


def _needed(table: Table, field: str) -> list[str]:
    marked = table.vanished is Vanished.MARK and field == "table.name"
    return [*table.columns, *(["removed_at"] if marked else [])]
