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
MISSING = SQL("""
    SELECT to_regclass(%s) IS NULL, relkind = 'p', pg_has_role(relowner, 'USAGE')
    FROM pg_class WHERE oid = to_regclass(%s)
""")
MAKE = SQL("CREATE TABLE {partition} (LIKE {table} INCLUDING ALL)")
LET_MAKE = "SELECT make_partition(%s, %s, %s)"
ATTACH = SQL("ALTER TABLE {table} ATTACH PARTITION {partition} FOR VALUES FROM ({low}) TO ({high})")


def ensure(
    cursor: Cursor[Any], table: str, width: timedelta, low: datetime, high: datetime
) -> bool:
    """Make the partitions that rows from ``low`` to ``high`` need, in the caller's transaction.

    A table that is not natively partitioned needs none: then the answer is False.
    """
    grid = Every(width)
    for start in grid.between(grid.floor(low), high + timedelta(microseconds=1)):
        name = f"{table}_{start:%Y%m%d}"
        missing, native, ours = _look(cursor, table, name)
        if not native:
            return False
        if not missing:
            continue
        cursor.execute(LOCK)
        if not _look(cursor, table, name)[0]:
            continue
        if ours:
            _make(cursor, table, name, start, start + width)
        else:
            cursor.execute(LET_MAKE, (table, start, start + width))
    return True


def _look(cursor: Cursor[Any], table: str, name: str) -> tuple[bool, bool, bool]:
    """Tell whether a partition is missing, whether its table has such, and whether that is ours."""
    names = [Identifier(each).as_string(cursor) for each in (name, table)]
    found = cursor.execute(MISSING, names).fetchone()
    return found or (True, True, True)


def _make(cursor: Cursor[Any], table: str, name: str, low: datetime, high: datetime) -> None:
    names = {"table": Identifier(table), "partition": Identifier(name)}
    cursor.execute(MAKE.format(**names))
    cursor.execute(ATTACH.format(**names, low=Literal(low), high=Literal(high)))
