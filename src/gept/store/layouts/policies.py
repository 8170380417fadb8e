"""What TimescaleDB sees to by itself: compressing and deleting by age, run as a table's owner."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any

from psycopg import Cursor
from psycopg.sql import SQL, Identifier, Literal

from ..queries import named

ADD = SQL("SELECT {function}({table}, {after}::interval)")
REMOVE = SQL("SELECT {function}({table}, if_exists => TRUE)")


class Kind(StrEnum):
    """What a policy does."""

    COMPRESSION = "compression"
    RETENTION = "retention"


def put(cursor: Cursor[Any], kind: Kind, table: str, after: timedelta) -> None:
    """Set after how long a policy acts, in place of what was set. Its first run is immediate."""
    remove(cursor, kind, table)
    function = Identifier(f"add_{kind}_policy")
    about = {"table": Literal(table), "after": Literal(after)}
    cursor.execute(ADD.format(function=function, **about))


def remove(cursor: Cursor[Any], kind: Kind, table: str) -> None:
    """Take a policy away, if there is one."""
    function = Identifier(f"remove_{kind}_policy")
    cursor.execute(REMOVE.format(function=function, table=Literal(table)))


def give_to_owner(cursor: Cursor[Any], table: str) -> list[str]:
    """Make those policies anew that run as a role which may not touch the table; return which.

    A restored database has them, since its tables are those of who restored it, and so has one
    whose tables changed hands under a TimescaleDB that leaves the policies behind.
    """
    found = cursor.execute(named("foreign_policies"), {"table": table}).fetchall()
    for kind, after in found:
        put(cursor, Kind(kind), table, after)
    return [f"{kind} runs as the owner of the table now" for kind, _ in found]
