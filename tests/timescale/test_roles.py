"""The writer on hypertables of another owner: compressed chunks included, and nothing of the schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from gept.model import Counts, Table
from gept.store import Database
from gept.store.layouts.timescale import lay_out
from gept.store.queries import named
from gept.store.schema import roles
from gept.store.schema.roles import Roles, declare
from gept.store.writer import Batch, Writer

TICK = datetime(2026, 10, 1, 12, tzinfo=UTC)
FORGET = "DISCARD TEMP"  # of the session that all share
LOGS_IN = (
    "SELECT rolname::text, rolcanlogin FROM pg_roles WHERE rolname LIKE 'gept\\_%%' ORDER BY 1"
)
Ask = Callable[..., list[Any]]


def without_database(name: str) -> str:
    """Leave out rights on the database: the engine refuses them for the one that it has."""
    steps = named(name).split("\n\n")
    return "\n\n".join(each for each in steps if " ON DATABASE " not in each)


@pytest.fixture
def laid_out(
    address: str, tables: dict[str, Table], query: Ask, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Lay the tables out as an administrator, who then makes the roles."""
    monkeypatch.setattr(roles, "named", without_database)
    lay_out(address, tables.values(), timedelta(days=14))
    declare(address, Roles(), {})
    query(FORGET)
    query("GRANT pg_read_server_files TO gept_writer")  # what the engine copies comes by a file
    yield address
    query(FORGET)
    for name in Roles().names:
        query(f"REASSIGN OWNED BY {name} TO CURRENT_USER")
        query(f"DROP OWNED BY {name}")
        query(f"DROP ROLE {name}")


def put(database: Database, table: Table, price: int) -> Counts:
    """Write as the writer: the engine has one session, so the role is taken in the transaction."""
    record: Any = table.record
    rows = [record(item, TICK, price, 1, price, 1) for item in range(9)]
    with database.transaction() as cursor:
        cursor.execute("SET LOCAL ROLE gept_writer")
        return Writer(cursor, table).write(Batch(rows, TICK))


def test_the_writer_corrects_what_is_compressed(
    laid_out: str, database: Database, tables: dict[str, Table], query: Ask
) -> None:
    table = tables["5m"]
    assert put(database, table, 5) == Counts(inserted=9)
    query("SELECT compress_chunk(each, TRUE) FROM show_chunks('price_data_5min') each")

    assert put(database, table, 6) == Counts(updated=9)
    lay_out(laid_out, tables.values(), timedelta(days=14))
    owners = "SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE oid IN (SELECT show_chunks('price_data_5min'))"
    assert query(owners) == [("gept_owner",)]


def test_the_owner_logs_in_for_its_policies_and_the_others_do_not(
    laid_out: str, query: Ask
) -> None:
    assert query(LOGS_IN) == [("gept_owner", True), ("gept_reader", False), ("gept_writer", False)]


def test_only_the_owner_decompresses_by_itself(
    laid_out: str, database: Database, tables: dict[str, Table], query: Ask
) -> None:
    put(database, tables["5m"], 5)
    query("SELECT compress_chunk(each, TRUE) FROM show_chunks('price_data_5min') each")
    with database.transaction() as cursor:
        cursor.execute("SET LOCAL ROLE gept_writer")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            cursor.execute("SELECT decompress_chunk(each) FROM show_chunks('price_data_5min') each")
        cursor.connection.rollback()
