"""The writer's statements on hypertables, compressed chunks included."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gept.model import Counts, Table
from gept.store import Database
from gept.store.layouts.timescale import lay_out
from gept.store.writer import Batch, Writer

TICK = datetime(2026, 10, 1, 12, tzinfo=UTC)
Ask = Callable[..., list[Any]]
CLOSED = """
    SELECT count(*) FILTER (WHERE is_compressed), count(*) FROM timescaledb_information.chunks
    WHERE hypertable_name = %s
"""
FILL = """
    INSERT INTO price_data_5min SELECT item, %s::timestamptz + step * interval '5 min', 5, 1, 5, 1
    FROM generate_series(0, 599) item, generate_series(0, 199) step
"""
STATES = "SELECT status FROM _timescaledb_catalog.chunk WHERE status <> 0"
COMPRESSED_WHOLE = 1


@pytest.fixture
def laid_out(address: str, tables: dict[str, Table]) -> None:
    lay_out(address, tables.values(), timedelta(days=14))


def put(database: Database, table: Table, rows: list[Any], **batch: Any) -> Counts:
    made = [table.record(*row) for row in rows]
    with database.transaction() as cursor:
        return Writer(cursor, table).write(Batch(made, batch.pop("tick", TICK), **batch))


def bucket(items: range, price: int = 5, tick: datetime = TICK) -> list[Any]:
    return [(item, tick, price, 1, price, 1) for item in items]


def close(query: Ask, table: str) -> None:
    query("SELECT compress_chunk(each, TRUE) FROM show_chunks(%s::regclass) each", table)


def test_rows_are_new_same_different_and_gone(
    laid_out: None, database: Database, tables: dict[str, Table], query: Ask
) -> None:
    table = tables["5m"]

    assert put(database, table, bucket(range(10))) == Counts(inserted=10)
    assert put(database, table, bucket(range(10))) == Counts(unchanged=10)
    found = put(database, table, bucket(range(9), 6), whole=True)
    assert found == Counts(updated=9, removed=1)
    assert query("SELECT relkind::text FROM pg_class WHERE relname = 'price_data_5min'") == [("r",)]


def test_new_rows_go_into_a_compressed_chunk_without_opening_it(
    laid_out: None, database: Database, tables: dict[str, Table], query: Ask
) -> None:
    table = tables["5m"]
    put(database, table, bucket(range(20)))
    close(query, table.name)

    assert put(database, table, bucket(range(25))) == Counts(inserted=5, unchanged=20)
    assert query(CLOSED, table.name) == [(1, 1)]
    assert query("SELECT count(*) FROM price_data_5min") == [(25,)]


def test_the_same_rows_leave_a_compressed_chunk_alone(
    laid_out: None, database: Database, tables: dict[str, Table], query: Ask
) -> None:
    table = tables["5m"]
    put(database, table, bucket(range(20)))
    close(query, table.name)

    assert put(database, table, bucket(range(20)), whole=True) == Counts(unchanged=20)
    assert query(CLOSED, table.name) == [(1, 1)]


def test_a_correction_opens_the_chunks_that_it_changes_and_no_other(
    laid_out: None, database: Database, tables: dict[str, Table], query: Ask
) -> None:
    table, before = tables["5m"], TICK - timedelta(days=21)
    put(database, table, bucket(range(20)))
    put(database, table, bucket(range(20), tick=before), tick=before)
    close(query, table.name)

    found = put(database, table, bucket(range(19), 6), whole=True)

    assert found == Counts(updated=19, removed=1)
    assert query(CLOSED, table.name) == [(1, 2)]
    assert query("SELECT avg_high_price, count(*) FROM price_data_5min GROUP BY 1 ORDER BY 1") == [
        (5, 20),
        (6, 19),
    ]


def test_more_than_may_be_unpacked_at_once_is_corrected_all_the_same(
    laid_out: None, database: Database, tables: dict[str, Table], query: Ask
) -> None:
    table = tables["5m"]
    query(
        "INSERT INTO price_data_5min SELECT item, %s::timestamptz + step * interval '5 min', 5, 1, 5, 1"
        " FROM generate_series(0, 599) item, generate_series(0, 199) step",
        TICK,
    )
    close(query, table.name)

    assert put(database, table, bucket(range(600), 6)) == Counts(updated=600)


@pytest.mark.parametrize("closed", [False, True])
def test_a_late_snapshot_finds_its_place_in_the_journal(
    laid_out: None, database: Database, tables: dict[str, Table], query: Ask, closed: bool
) -> None:
    table = tables["latest"]
    minutes = [TICK + timedelta(minutes=number) for number in range(3)]
    for minute in (minutes[0], minutes[2]):
        put(database, table, [(2, minute, 5, minute, 4, minute)], tick=minute, frame=True)
    if closed:
        close(query, "prices_latest_1m")

    with database.transaction() as cursor:
        row: Any = (2, minutes[1], 7, minutes[1], 4, minutes[1])
        late = [table.record(*row)]
        found = Writer(cursor, table).write_late(Batch(late, minutes[1]), minutes[2])

    assert found == Counts(inserted=1)
    assert query("SELECT high FROM prices_latest_1m ORDER BY timestamp") == [(5,), (7,), (5,)]
    assert query(CLOSED, "prices_latest_1m") == [(0, 1)]


def test_many_corrections_leave_the_compressed_chunks_of_other_weeks_alone(
    sessions: None, laid_out: None, address: str, tables: dict[str, Table], query: Ask
) -> None:
    table, recent = tables["5m"], TICK + timedelta(weeks=4)
    query(FILL, TICK)
    close(query, table.name)
    database = Database(address, size=1)
    database.open()
    try:
        put(database, table, bucket(range(600), 5, recent), tick=recent)
        for price in range(10, 50):  # so often that the server would keep a plan for any times
            counts = put(database, table, bucket(range(600), price, recent), tick=recent)
            assert counts == Counts(updated=600)
            assert put(database, table, bucket(range(600), price, recent), tick=recent, whole=True)
    finally:
        database.close()

    assert query(STATES) == [(COMPRESSED_WHOLE,)]
