"""The two tables change places, in the caller's transaction."""

from __future__ import annotations

from typing import Any, LiteralString, cast

from psycopg import Cursor
from psycopg.sql import SQL, Identifier

from ..queries import named
from .place import NEW, OLD, Place, stand_in_new

TRIGGERS = tuple(f"gept_{NEW}_{each}" for each in ("came", "changed", "went", "emptied"))
NO_TRIGGER = SQL("DROP TRIGGER IF EXISTS {} ON {}")
NO_NOTE = SQL("DROP FUNCTION IF EXISTS {}()")
STAND_NOWHERE = "SET LOCAL search_path = ''"
STAND_AGAIN = "SET LOCAL search_path TO DEFAULT"
PARTITIONS = """
    SELECT inhrelid::regclass::text FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = to_regclass(%s) AND relispartition
"""
MOVE = SQL("ALTER TABLE {} SET SCHEMA {}")


def exchange(cursor: Cursor[Any], place: Place) -> None:
    """Put the new table in the place of the old one, with all that reads or watches that."""
    stand_in_new(cursor)
    old, new = (each.as_string(cursor) for each in (place.old, place.new))
    cursor.execute(named("conversion_left"), {"old": old, "new": new, "name": place.name})
    cursor.execute(STAND_NOWHERE)
    readers = cursor.execute(named("conversion_readers"), {"table": old}).fetchall()
    partitions = cursor.execute(PARTITIONS, (old,)).fetchall()
    unwatch(cursor, place)
    for (each,) in [(old,), *partitions]:
        cursor.execute(MOVE.format(SQL(cast("LiteralString", each)), Identifier(OLD)))
    cursor.execute(STAND_AGAIN)
    cursor.execute(MOVE.format(place.new, Identifier(place.schema)))
    for (statement,) in readers:
        cursor.execute(cast("LiteralString", statement))


def watch(cursor: Cursor[Any], place: Place) -> None:
    """Note from now on which times of the old table are written."""
    cursor.execute(place.said(named("conversion_notes")))


def unwatch(cursor: Cursor[Any], place: Place) -> None:
    """Note it no longer."""
    for each in TRIGGERS:
        cursor.execute(NO_TRIGGER.format(Identifier(each), place.old))
    cursor.execute(NO_NOTE.format(place.note))
