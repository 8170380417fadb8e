"""Big tables on a real TimescaleDB."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from gept.model import Table
from gept.store.layouts.timescale import Mode, lay_out

AFTER = timedelta(days=14)
READER = """
    DO $$ BEGIN
        IF to_regrole('reader') IS NULL THEN CREATE ROLE reader; END IF;
    END $$
"""
Ask = Callable[..., list[Any]]


def test_the_empty_tables_become_hypertables_that_are_compressed(
    address: str, tables: dict[str, Table], query: Ask
) -> None:
    done = lay_out(address, tables.values(), AFTER)

    assert done.extension.mode is Mode.TIMESCALE
    assert done.native == ()
    assert query(
        "SELECT hypertable_name, compression_enabled FROM timescaledb_information.hypertables ORDER BY 1"
    ) == [("price_data_5min", True), ("prices_1h", True), ("prices_latest_1m", True)]
    assert query(
        "SELECT hypertable_name, config->>'compress_after' FROM timescaledb_information.jobs"
        " WHERE proc_name = 'policy_compression' ORDER BY 1"
    ) == [(name, "14 days") for name in ("price_data_5min", "prices_1h", "prices_latest_1m")]
    assert (
        query("SELECT * FROM timescaledb_information.jobs WHERE proc_name = 'policy_retention'")
        == []
    )


def test_what_is_as_declared_is_left_alone_and_what_is_not_is_mended(
    address: str, tables: dict[str, Table], query: Ask
) -> None:
    lay_out(address, tables.values(), AFTER)
    again = lay_out(address, tables.values(), AFTER)
    query("SELECT remove_compression_policy('prices_1h')")
    mended = lay_out(address, tables.values(), timedelta(days=30))

    assert again.changed == ()
    assert mended.native == ()
    assert sorted(mended.changed) == [
        f"{name}: compressed after 30 days"
        for name in ("price_data_5min", "prices_1h", "prices_latest_1m")
    ]


def test_keys_indexes_comments_and_rights_stay(
    address: str, tables: dict[str, Table], query: Ask
) -> None:
    parts = """
        SELECT replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') FROM pg_index
        WHERE indrelid = 'price_data_5min'::regclass ORDER BY 1
    """
    about = "SELECT obj_description('price_data_5min'::regclass, 'pg_class')"
    rights = "SELECT has_table_privilege('reader', 'price_data_5min', 'SELECT')"
    query(READER)
    query("GRANT SELECT ON price_data_5min TO reader")
    before = query(parts), query(about)

    lay_out(address, tables.values(), AFTER)

    assert (query(parts), query(about)) == before
    assert len(before[0]) == 2
    assert query(rights) == [(True,)]


def test_a_table_with_rows_stays_and_says_why(
    address: str, tables: dict[str, Table], query: Ask
) -> None:
    query(
        "CREATE TABLE price_data_5min_20261119 PARTITION OF price_data_5min"
        " FOR VALUES FROM ('2026-11-19Z') TO ('2026-11-26Z')"
    )
    query("INSERT INTO price_data_5min VALUES (2, '2026-11-22Z', 1, 1, 1, 1)")

    done = lay_out(address, tables.values(), AFTER)

    [stays] = done.native
    assert stays.startswith("price_data_5min: it has rows")
    assert "gept db convert" in stays
    assert query("SELECT item_id FROM price_data_5min") == [(2,)]
    assert len(query("SELECT hypertable_name FROM timescaledb_information.hypertables")) == 2
