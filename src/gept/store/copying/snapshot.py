"""What a database holds at one moment: tables, how many rows, and what the rows add up to.

The checksum of rows is the sum of a hash of each row's text, computed by the server. It does not
depend on the order of the rows or on how they are laid out, and nothing of them is held.
PostgreSQL itself relies on this hash being the same in every version, for tables partitioned by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Cursor, conninfo
from psycopg.sql import SQL, Composable, Identifier

from ...errors import StoreAway
from ..database import KEEPALIVES
from ..faults import translated
from ..layouts import timescale
from ..queries import named

BEGIN = SQL("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
SAME_TEXT = SQL(
    "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL extra_float_digits = 1;"
    " SET LOCAL bytea_output = 'hex'; SET LOCAL intervalstyle = 'postgres'"
)
"""So that a row has the same text in every session."""
PATIENT = SQL(
    "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;"
    " SET LOCAL lock_timeout = '1min'; SET LOCAL jit = off"
)
MADE_EMPTY = "schema_migrations"
"""What has rows from the first moment on, of any database of gept."""
HAS_ROWS = SQL("SELECT EXISTS (SELECT FROM {})")
MEASURE = SQL("""
    SELECT count(*), coalesce(sum(hashtextextended(gept_row::text COLLATE "C", 0)), 0)::text
    FROM {rows} AS gept_row
""")


@dataclass(frozen=True, slots=True)
class Measure:
    """How many rows there are, and what they add up to."""

    rows: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Versions:
    """The server's version as a number (180006), as text, and that of TimescaleDB, if any."""

    number: int
    server: str
    timescaledb: str | None

    @property
    def major(self) -> int:
        """The major version of the server."""
        return self.number // 10_000


class Snapshot:
    """A database as it was at one moment, for as long as the transaction lasts."""

    def __init__(self, cursor: Cursor[Any]) -> None:
        self._cursor = cursor

    @property
    def name(self) -> str:
        """What another session names to see the same moment."""
        [(name,)] = self._cursor.execute("SELECT pg_export_snapshot()").fetchall()
        return str(name)

    def versions(self) -> Versions:
        """Return what runs there."""
        [(server,)] = self._cursor.execute("SELECT current_setting('server_version')").fetchall()
        number = self._cursor.connection.info.server_version
        return Versions(number, server, timescale.look(self._cursor).installed)

    def database(self) -> str:
        """Return the name of the database."""
        return self._cursor.connection.info.dbname

    def size(self) -> int:
        """Return how many bytes the database takes on its disk."""
        [(size,)] = self._cursor.execute("SELECT pg_database_size(current_database())").fetchall()
        return int(size)

    def tables(self) -> list[tuple[str, str]]:
        """Return schema and name of each table."""
        return self._cursor.execute(named("contents")).fetchall()

    def bare(self) -> bool:
        """Tell whether nobody has put anything into the tables since they were made."""
        filled = [Identifier(*each) for each in self.tables() if each[1] != MADE_EMPTY]
        asked = (self._cursor.execute(HAS_ROWS.format(each)) for each in filled)
        return not any(cursor.fetchone() == (True,) for cursor in asked)

    def measure(self, schema: str, table: str) -> Measure:
        """Return what a whole table holds."""
        return measure(self._cursor, Identifier(schema, table))


def measure(cursor: Cursor[Any], rows: Composable) -> Measure:
    """Return what a table, or a query in parentheses, holds; in a transaction of ``begun``."""
    found = cursor.execute(MEASURE.format(rows=rows)).fetchone() or (0, "0")
    return Measure(*found)


def refuse_unloaded(cursor: Cursor[Any]) -> None:
    """Raise StoreAway where TimescaleDB is here but not loaded: compressed rows are not seen."""
    if (found := timescale.look(cursor)).unloaded:
        raise StoreAway(found.why)


@contextmanager
def begun(address: str, begin: SQL = BEGIN) -> Iterator[Cursor[Any]]:
    """Give a cursor in one long transaction. Raises StoreAway, StoreBroken or StoreRefused."""
    try:
        with (
            psycopg.connect(
                conninfo.make_conninfo(address, **KEEPALIVES),
                autocommit=True,
                connect_timeout=5,
                prepare_threshold=None,
                application_name="gept backup",
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(begin)
            cursor.execute(PATIENT)
            cursor.execute(SAME_TEXT)
            refuse_unloaded(cursor)
            yield cursor
            cursor.execute("COMMIT")
    except psycopg.Error as error:
        raise translated(error) from error


@contextmanager
def snapshot(address: str) -> Iterator[Snapshot]:
    """Give a database as it is now. Raises StoreAway or StoreBroken."""
    with begun(address) as cursor:
        yield Snapshot(cursor)
