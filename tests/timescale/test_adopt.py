"""An old hypertable, partly compressed, is adopted with every row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg
import pytest

from gept.collectors import load_all
from gept.model import Table
from gept.store.adoption import Job, begin, drop, plan, standing, work
from gept.store.layouts.timescale import lay_out

Ask = Callable[..., list[Any]]
NOW = datetime(2026, 11, 22, 12, 31, 20, tzinfo=UTC)
OLD = """
    CREATE TABLE price_data_5min (
        item_id INTEGER NOT NULL, timestamp TIMESTAMPTZ NOT NULL, avg_high_price INTEGER,
        high_price_volume INTEGER, avg_low_price INTEGER, low_price_volume INTEGER);
    SELECT create_hypertable('price_data_5min', 'timestamp', chunk_time_interval => INTERVAL '1 week');
    ALTER TABLE price_data_5min SET (timescaledb.compress, timescaledb.compress_segmentby = 'item_id');
    SELECT add_compression_policy('price_data_5min', INTERVAL '7 days');
    SELECT add_retention_policy('price_data_5min', INTERVAL '90 days');
    CREATE INDEX idx_5m_item_ts ON price_data_5min (item_id, timestamp DESC);
    INSERT INTO price_data_5min SELECT item, '2026-09-28Z'::timestamptz + bucket * interval '2 hours', item, bucket, NULL, 0
    FROM generate_series(0, 199) AS bucket, generate_series(1, 20) AS item;
    INSERT INTO price_data_5min SELECT * FROM price_data_5min WHERE item_id = 3;
    INSERT INTO price_data_5min SELECT item_id, timestamp, avg_high_price, high_price_volume + 1, NULL, 0
    FROM price_data_5min WHERE item_id = 5;
    SELECT compress_chunk(each) FROM (SELECT show_chunks('price_data_5min') AS each LIMIT 1) AS first
"""


@pytest.fixture
def ask(empty: str) -> Iterator[Ask]:
    """Give a function that asks the database anything."""
    with psycopg.connect(empty, autocommit=True, prepare_threshold=None) as connection:
        connection.execute("SET timezone = 'UTC'")

        def ask(text: LiteralString, *values: Any) -> list[Any]:
            cursor = connection.execute(text, values or None)
            return cursor.fetchall() if cursor.description else []

        yield ask


def test_an_old_hypertable_is_adopted_into_ours(
    empty: str, ask: Ask, tables: dict[str, Table]
) -> None:
    for statement in OLD.split(";\n"):
        ask(statement)

    [guessed] = plan(empty).steps
    ask("ANALYZE price_data_5min")
    [planned] = plan(empty).steps
    begin(empty, {})
    expiring = ask(
        "SELECT * FROM timescaledb_information.jobs WHERE proc_name = 'policy_retention'"
    )
    lay_out(empty, tables.values(), timedelta(days=14))
    list(work(empty, Job(load_all(), lambda: NOW)))

    assert guessed.old.rows != 0
    assert (planned.old.hypertable, planned.repeated) == (True, 400)
    assert expiring == []
    [part] = standing(empty)
    assert part.proved
    assert (part.rows, part.inserted, part.duplicates, part.conflicts) == (4400, 4000, 200, 200)
    assert ask("SELECT count(*) FROM price_data_5min") == [(4000,)]
    assert ask(
        "SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_schema = 'public' AND hypertable_name = 'price_data_5min'"
    ) == [(3,)]
    assert ask(
        "SELECT high_price_volume FROM price_data_5min WHERE item_id = 5 ORDER BY timestamp LIMIT 2"
    ) == [(1,), (2,)]
    drop(empty, dry=False)
    assert ask("SELECT count(*) FROM price_data_5min") == [(4000,)]
