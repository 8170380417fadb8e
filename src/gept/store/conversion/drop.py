"""The last step, for which a person asks alone: tables that were replaced go."""

from __future__ import annotations

from psycopg.sql import SQL, Identifier

from ..session import session, step
from .place import NEW, OLD
from .progress import FORGET, every

DROP = SQL("DROP TABLE IF EXISTS {}")
LAST = "SELECT NOT EXISTS (SELECT FROM converting.progress)"
DROP_ALL = SQL(
    "DROP TABLE converting.changes, converting.progress; DROP SCHEMA {}; DROP SCHEMA {}"
).format(Identifier(NEW), Identifier(OLD))


def drop(address: str, *, dry: bool) -> list[str]:
    """Drop the tables that were replaced, or only return which. Raises StoreAway or StoreBroken."""
    with session(address) as connection:
        names = [each.name for each in every(connection) if each.done]
        for name in [] if dry else names:
            with step(connection) as cursor:
                cursor.execute(DROP.format(Identifier(OLD, name)))
                cursor.execute(FORGET, (name,))
                if cursor.execute(LAST).fetchone() == (True,):
                    cursor.execute(DROP_ALL)
    return names
