"""The last step, for which a person asks alone: old tables go, once all rows are proved there."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from ...errors import UsageError
from ..session import session, step
from .legacy import SCHEMA, look
from .parts import Part, every, move

DROP = SQL("DROP TABLE {}")
DROP_SCHEMA = SQL("DROP SCHEMA {}").format(Identifier(SCHEMA))
EMPTY = "SELECT NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace(%s))"


def drop(address: str, *, dry: bool) -> list[str]:
    """Drop the old tables, or only return which. Raises UsageError where one is not proved."""
    with session(address) as connection:
        parts = every(connection)
        names = _ready(connection, [each for each in parts if each.stage != "dropped"])
        if names and not dry:
            _drop(connection, names, parts)
    return names


def _ready(connection: Connection[Any], parts: list[Part]) -> list[str]:
    """Return the tables that may go."""
    for each in parts:
        if not each.done:
            raise UsageError(f"{each.part} is not adopted yet; run `gept db adopt --yes` first")
        if not each.proved:
            raise UsageError(
                f"{each.part}: of {each.rows} rows {each.checked} were read again, and {each.lost} "
                "of these found nowhere; it stays"
            )
    names = [name for name, _ in groupby(parts, key=lambda each: each.source)]
    for old in look(connection, SCHEMA, names):
        if old.readers:
            raise UsageError(
                f"{SCHEMA}.{old.name} is read by {', '.join(old.readers)}; make these anew on "
                f"gept's table, or drop them, first"
            )
    return names


def _drop(connection: Connection[Any], names: list[str], parts: list[Part]) -> None:
    with step(connection) as cursor:
        for name in names:
            cursor.execute(DROP.format(Identifier(SCHEMA, name)))
        for each in parts:
            move(cursor, each, "dropped", None)
        if cursor.execute(EMPTY, (SCHEMA,)).fetchone() == (True,):
            cursor.execute(DROP_SCHEMA)
