"""The first step: an empty hypertable beside, and notes of what is written from now on.

That the two can change places is tried at once, and taken back: not after days of copying.
"""

from __future__ import annotations

from typing import Any, LiteralString, cast

import psycopg
from psycopg import Connection, Cursor
from psycopg.sql import SQL, Identifier

from ...errors import UsageError
from ...model import Table
from ..adoption.legacy import Old, here
from ..layouts import timescale
from ..queries import named
from ..session import session, step
from .exchange import exchange, unwatch, watch
from .place import OLD, Place, stand_in_new
from .plan import hinders
from .progress import ENTER, FORGET, hold, of

PATIENCE = "SET LOCAL lock_timeout = '5s'"
MAKE_OLD = SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(OLD))
TAKE = SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE")
MAKE_NEW = SQL("CREATE TABLE {new} (LIKE {old} INCLUDING ALL EXCLUDING INDEXES)")
DROP = SQL("DROP TABLE {}")
SHAPE = """
    SELECT array_agg(format('%%s %%s', attname, format_type(atttypid, atttypmod)) ORDER BY attname)
    FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
"""
NO_CHANGES = "DELETE FROM converting.changes WHERE name = %s"


def begin(connection: Connection[Any], place: Place, old: Old) -> None:
    """Begin a conversion, or make sure that one that was begun can go on. Raises UsageError."""
    with step(connection) as cursor:
        cursor.execute(timescale.LOCK)
        if of(connection, place.name) is not None:
            _require_same_shape(cursor, place)
            return
        if wrong := hinders(connection, place, old):
            raise UsageError("\n".join(wrong))
        cursor.execute(PATIENCE)
        cursor.execute(named("conversion_tables"))
        cursor.execute(MAKE_OLD)
        cursor.execute(TAKE.format(place.old))
        _make(cursor, place)
        _rehearse(cursor, place)
        watch(cursor, place)
        cursor.execute(ENTER, (place.name, old.rows))


def _make(cursor: Cursor[Any], place: Place) -> None:
    """Make a hypertable with the columns, keys, rights and owner of the old table."""
    cursor.execute(MAKE_NEW.format(new=place.new, old=place.old))
    names = {"table": place.old.as_string(cursor), "copy": place.new.as_string(cursor)}
    for (statement,) in cursor.execute(named("rebuild_of_table"), names).fetchall():
        cursor.execute(cast("LiteralString", statement))
    stand_in_new(cursor)
    timescale.turn(cursor, place.table, place.name)
    if timescale.look(cursor).mode is timescale.Mode.TIMESCALE:
        timescale.allow_compression(cursor, place.table, place.name)


def _rehearse(cursor: Cursor[Any], place: Place) -> None:
    """Let the tables change places, and take it back."""
    try:
        with cursor.connection.transaction(force_rollback=True):
            exchange(cursor, place)
    except psycopg.Error as error:
        said = " ".join(str(error).split())
        raise UsageError(
            f"{place.name}: a hypertable cannot take its place: {said}; drop what stands in the "
            "way, and make it anew afterwards; nothing was changed"
        ) from error


def _require_same_shape(cursor: Cursor[Any], place: Place) -> None:
    now = of(cursor.connection, place.name)
    if now is None or now.done:
        return
    old, new = (
        cursor.execute(SHAPE, (each.as_string(cursor),)).fetchone()
        for each in (place.old, place.new)
    )
    if old != new:
        raise UsageError(
            f"{place.name}: its columns have changed since its conversion was begun; give that up "
            f"by `gept db convert {place.name} --abandon --yes`, and begin anew"
        )


def abandon(address: str, table: Table) -> bool:
    """Give up a conversion that is not done; tell whether there was one."""
    with session(address) as connection:
        place = Place(table, here(connection))
        if (now := of(connection, place.name)) is None or now.done:
            return False
        with step(connection) as cursor:
            cursor.execute(PATIENCE)
            hold(cursor, place.name)
            unwatch(cursor, place)
            cursor.execute(DROP.format(place.new))
            cursor.execute(NO_CHANGES, (place.name,))
            cursor.execute(FORGET, (place.name,))
    return True
