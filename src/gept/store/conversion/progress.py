"""How far a conversion is, as the database keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, Cursor
from psycopg.rows import class_row

from ..session import session

BEGUN = "SELECT to_regclass('converting.progress') IS NOT NULL"
ALL = "SELECT name, stage, position, rows, expected FROM converting.progress"
HOLD = "LOCK TABLE converting.progress IN SHARE ROW EXCLUSIVE MODE"
"""A lock and no query, so that what is read after it is what another run has left."""
ENTER = "INSERT INTO converting.progress (name, expected) VALUES (%s, %s)"
COPIED = """
    UPDATE converting.progress SET position = %s, rows = rows + %s, moved_at = now() WHERE name = %s
"""
DONE = "UPDATE converting.progress SET stage = 'done', moved_at = now() WHERE name = %s"
FORGET = "DELETE FROM converting.progress WHERE name = %s"


@dataclass(frozen=True, slots=True)
class Progress:
    """A table whose conversion was begun: ``rows`` of about ``expected`` are copied and compared.

    All of it that is older than ``position`` is in the new table.
    """

    name: str
    stage: str
    position: datetime
    rows: int
    expected: int | None

    @property
    def done(self) -> bool:
        """Whether the new table has taken the place of the old one."""
        return self.stage == "done"


def standing(address: str) -> list[Progress]:
    """Return all that was begun and is not forgotten. Raises StoreAway or StoreBroken."""
    with session(address) as connection:
        return every(connection)


def every(connection: Connection[Any]) -> list[Progress]:
    """Return all that was begun."""
    if connection.execute(BEGUN).fetchone() == (False,):
        return []
    with connection.cursor(row_factory=class_row(Progress)) as cursor:
        return cursor.execute(f"{ALL} ORDER BY begun_at, name").fetchall()


def of(connection: Connection[Any], name: str) -> Progress | None:
    """Return how far one table is, or None where it was not begun."""
    return next((each for each in every(connection) if each.name == name), None)


def hold(cursor: Cursor[Any], name: str) -> Progress | None:
    """Return how far a table is now, and keep other runs from it until the transaction ends."""
    cursor.execute(HOLD)
    return of(cursor.connection, name)


def copied(cursor: Cursor[Any], name: str, position: datetime, rows: int) -> None:
    """Enter how far a table is copied."""
    cursor.execute(COPIED, (position, rows, name))
