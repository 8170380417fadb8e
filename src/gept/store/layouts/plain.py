"""Native time partitions: what every PostgreSQL has.

Borders are whole multiples of the width since 1970 (weeks begin on Thursdays, as TimescaleDB's
do). A partition is made beside its table and then attached, so that nobody's reads or writes wait.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from psycopg import Cursor
from psycopg.sql import SQL, Identifier, Literal

from ...schedule import Every

AHEAD = timedelta(weeks=4)
LOCK = SQL("SELECT pg_advisory_xact_lock(hashtext('gept partition'))")
MISSING = SQL("SELECT to_regclass(%s) IS NULL")
MAKE = SQL("CREATE TABLE {partition} (LIKE {table} INCLUDING ALL)")
ATTACH = SQL("ALTER TABLE {table} ATTACH PARTITION {partition} FOR VALUES FROM ({low}) TO ({high})")


def ensure(
    cursor: Cursor[Any], table: str, width: timedelta, low: datetime, high: datetime
) -> None:
    """Make the partitions that rows from ``low`` to ``high`` need, in the caller's transaction."""
    grid = Every(width)
    for start in grid.between(grid.floor(low), high + timedelta(microseconds=1)):
        name = f"{table}_{start:%Y%m%d}"
        if not _missing(cursor, name):
            continue
        cursor.execute(LOCK)
        if _missing(cursor, name):
            _make(cursor, table, name, start, start + width)


def _missing(cursor: Cursor[Any], name: str) -> bool:
    found = cursor.execute(MISSING, (Identifier(name).as_string(cursor),)).fetchone()
    return bool(found and found[0])


def _make(cursor: Cursor[Any], table: str, name: str, low: datetime, high: datetime) -> None:
    names = {"table": Identifier(table), "partition": Identifier(name)}
    cursor.execute(MAKE.format(**names))
    cursor.execute(ATTACH.format(**names, low=Literal(low), high=Literal(high)))
