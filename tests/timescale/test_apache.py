"""The Apache edition: hypertables, without compression and without policies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gept.backup import part
from gept.cli import layout
from gept.errors import UsageError
from gept.model import Counts, Table
from gept.store import Database
from gept.store.conversion import Job, convert
from gept.store.layouts import plain
from gept.store.layouts.compress import compress
from gept.store.layouts.retention import retention
from gept.store.layouts.state import state
from gept.store.layouts.timescale import Mode, lay_out
from gept.store.writer import Batch, Writer

TICK = datetime(2026, 10, 1, 12, tzinfo=UTC)
NOW = datetime(2026, 11, 22, tzinfo=UTC)
AFTER = timedelta(days=14)
NAME = "price_data_5min"
HYPERTABLES = "SELECT hypertable_name::text FROM timescaledb_information.hypertables ORDER BY 1"
COUNT = f"SELECT count(*) FROM {NAME}"
Connection = psycopg.Connection[Any]


@pytest.fixture
def connection(apache: str) -> Iterator[Connection]:
    with psycopg.connect(apache, autocommit=True) as connection:
        yield connection


@pytest.fixture
def laid_out(apache: str, tables: dict[str, Table]) -> str:
    lay_out(apache, tables.values(), AFTER)
    return apache


def put(address: str, table: Table, price: int, at: datetime = TICK) -> Counts:
    made: list[Any] = [(item, at, price, 1, price, 1) for item in range(20)]
    database = Database(address, size=1)
    database.open()
    try:
        with database.transaction() as cursor:
            return Writer(cursor, table).write(Batch([table.record(*row) for row in made], at))
    finally:
        database.close()


def test_tables_become_hypertables_once(
    apache: str, connection: Connection, tables: dict[str, Table]
) -> None:
    done = lay_out(apache, tables.values(), AFTER)
    again = lay_out(apache, tables.values(), AFTER)

    assert done.extension.mode is Mode.APACHE
    assert (done.native, again.changed) == ((), ())
    found = connection.execute(HYPERTABLES).fetchall()
    assert found == [("price_data_5min",), ("prices_1h",), ("prices_latest_1m",)]


def test_rows_are_written_corrected_saved_and_restored(
    laid_out: str, connection: Connection, tables: dict[str, Table], tmp_path: Path
) -> None:
    table = tables["5m"]

    assert put(laid_out, table, 5) == Counts(inserted=20)
    assert put(laid_out, table, 6) == Counts(updated=20)
    backup = part.back_up(laid_out, tmp_path, NAME, (TICK, None), NOW)
    connection.execute(f"DELETE FROM {NAME}")
    restored = part.restore(backup, laid_out, {NAME: timedelta(weeks=1)}, overwrite=False)
    assert restored.inserted == 20


def test_status_tells_why_nothing_is_compressed(laid_out: str, tables: dict[str, Table]) -> None:
    put(laid_out, tables["5m"], 5)

    found = state(laid_out)

    [prices] = [each for each in found.sizes if each.name == NAME]
    assert (prices.kind, prices.parts, prices.closed) == ("hypertable", 1, 0)
    assert found.policies == ()
    assert "no compression and no policies" in next(layout.lines(found))
    with pytest.raises(UsageError, match="timescaledb.license = 'timescale'"):
        list(compress(laid_out, NOW))


def test_old_chunks_are_dropped_once_and_no_policy_is_promised(
    laid_out: str, connection: Connection, tables: dict[str, Table]
) -> None:
    for weeks in range(3):
        put(laid_out, tables["5m"], 5, TICK + timedelta(weeks=weeks))

    with retention(laid_out) as kept:
        lasts = kept.lasts(NAME)
        kept.drop(NAME, kept.aged(NAME, TICK + timedelta(weeks=1)))

    assert not lasts
    assert connection.execute(COUNT).fetchone() == (40,)


def test_a_filled_table_is_converted(
    apache: str, connection: Connection, tables: dict[str, Table]
) -> None:
    table = tables["5m"]
    with connection.transaction(), connection.cursor() as cursor:
        plain.ensure(cursor, NAME, timedelta(weeks=1), TICK, NOW)
    put(apache, table, 5)

    list(convert(apache, [table], Job(AFTER, lambda: NOW, lambda _: None)))

    assert connection.execute(HYPERTABLES).fetchall() == [(NAME,)]
    assert connection.execute(COUNT).fetchone() == (20,)
