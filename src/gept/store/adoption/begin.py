"""The first step: old tables aside, gept's own in their place, in one short transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psycopg import Connection, Cursor
from psycopg.sql import SQL, Identifier
from psycopg.types.json import Json

from ...errors import UsageError
from ..queries import named
from ..schema.migrate import LOCK, Sets, apply
from ..session import session, step
from .legacy import SCHEMA, Old, look, to_adopt
from .mapping import faults
from .parts import BEGUN
from .shapes import BY_NAME, SHAPES

HOLD = "SELECT pg_advisory_xact_lock(%s)"
PATIENCE = "SET LOCAL lock_timeout = '10s'"
MAKE_SCHEMA = SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(SCHEMA))
MOVE = SQL("ALTER TABLE {} SET SCHEMA {}")
KEEP_ALL = """
    SELECT remove_retention_policy(format('%%I', hypertable_name)::regclass)
    FROM timescaledb_information.jobs
    WHERE proc_name = 'policy_retention' AND hypertable_schema = current_schema()
      AND hypertable_name = %s
"""
"""Only where there is one: under the Apache edition the function only says that it may not."""
ENTER = """
    INSERT INTO adoption (source, part, target, types, by_time, expected)
    VALUES (%s, %s, %s, %s, %s, %s)
"""


def begin(address: str, sets: Sets) -> list[Old]:
    """Move old tables aside and make gept's own; return what was moved. Raises UsageError."""
    with session(address) as connection, step(connection) as cursor:
        cursor.execute(HOLD, (LOCK,))
        cursor.execute(PATIENCE)
        olds = to_adopt(cursor.connection)
        if wrong := obstacles(cursor.connection, olds):
            raise UsageError("\n".join(wrong))
        if olds:
            _move(cursor, olds)
            apply(cursor.connection, sets)
            _enter(cursor, olds)
    return olds


def obstacles(connection: Connection[Any], olds: Iterable[Old]) -> list[str]:
    """Return why tables cannot be adopted, each with its remedy."""
    olds = list(olds)
    wrong = [fault for each in olds for fault in _of_one(each)]
    there = look(connection, SCHEMA, [old.name for old in olds])
    return wrong + [f"{SCHEMA}.{each.name}: it is there already; rename it" for each in there]


def _of_one(old: Old) -> list[str]:
    if old.name not in BY_NAME or not old.is_table:
        return [f"{old.name}: gept has something of this name; rename yours, it is not adopted"]
    if not old.ours:
        return [f"{old.name}: its owner is another role; let that one run `gept db adopt`"]
    found = list(faults(BY_NAME[old.name], old.types))
    if old.hypertable and not old.types.get("timestamp", "").startswith("timestamp"):
        found.append(f"{old.name}.timestamp: a hypertable by numbers is not adopted; copy it first")
    return found


def _move(cursor: Cursor[Any], olds: Iterable[Old]) -> None:
    """Move tables to the schema of old ones; nothing of theirs expires any more."""
    cursor.execute(MAKE_SCHEMA)
    for each in olds:
        if each.hypertable:
            cursor.execute(KEEP_ALL, (each.name,))
        cursor.execute(MOVE.format(Identifier(each.name), Identifier(SCHEMA)))
        if each.kind == "p":
            for part in each.parts:
                cursor.execute(MOVE.format(Identifier(part), Identifier(SCHEMA)))


def _enter(cursor: Cursor[Any], olds: Iterable[Old]) -> None:
    """Enter what is to be copied, in the order in which it is copied."""
    if cursor.execute(BEGUN).fetchone() == (False,):
        cursor.execute(named("adoption_tables"))
    by_name = {each.name: each for each in olds}
    for shape in SHAPES:
        if (old := by_name.get(shape.old)) is not None:
            for part in old.sources:
                expected = old.rows if part == old.name else None
                about = (old.name, part, shape.table, Json(old.types), old.hypertable, expected)
                cursor.execute(ENTER, about)
