"""What every subject has: the database, and how its answers become values."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Cursor
from psycopg.rows import class_row

from ...model import Collector
from ..database import Database


class Subject:
    """One subject of which the database is asked."""

    def __init__(self, database: Database) -> None:
        self._database = database


def rows_as(cursor: Cursor[Any], kind: type[Any]) -> Cursor[Any]:
    """Return a cursor on the same transaction whose rows are values of a kind."""
    return cursor.connection.cursor(row_factory=class_row(kind))


def span(collector: Collector, since: datetime, until: datetime) -> dict[str, Any]:
    """Return a collector's span of time, as named queries know it."""
    return {"collector": collector.name, "since": since, "until": until}
