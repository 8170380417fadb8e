"""What gept tells of hypertables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from gept.cli import layout
from gept.model import Table
from gept.store import Store
from gept.store.layouts.state import state
from gept.store.layouts.timescale import Mode, lay_out

Ask = Callable[..., list[Any]]
Fail = Callable[[str, int], None]
FILL = """
    INSERT INTO price_data_5min SELECT item, '2026-10-01Z'::timestamptz + step * interval '5 min', 5, 1, 5, 1
    FROM generate_series(0, 99) item, generate_series(0, 199) step
"""


def test_sizes_shares_and_policies_are_told(
    address: str, tables: dict[str, Table], query: Ask
) -> None:
    lay_out(address, tables.values(), timedelta(days=14))
    query(FILL)
    before = query("SELECT hypertable_size('price_data_5min')::bigint")[0][0]
    query("SELECT compress_chunk(each, TRUE) FROM show_chunks('price_data_5min') each")

    found = state(address)
    size = {each.name: each for each in found.sizes}

    assert found.extension.mode is Mode.TIMESCALE
    prices = size["price_data_5min"]
    assert (prices.kind, prices.parts, prices.closed) == ("hypertable", 1, 1)
    assert prices.before >= before * 0.9
    assert prices.bytes < before
    assert prices.ratio is not None
    assert prices.ratio > 2
    assert prices.compressed_share > 0.5
    assert size["ledger"].kind == "plain"
    assert size["ledger"].bytes > 0
    assert [(each.name, each.what, each.after.days) for each in found.policies] == [
        (name, "compression", 14) for name in ("price_data_5min", "prices_1h", "prices_latest_1m")
    ]
    assert found.policies[0].last_at is None


def test_a_policy_that_fails_is_told_with_its_reason(
    address: str, tables: dict[str, Table], query: Ask, fail: Fail
) -> None:
    lay_out(address, tables.values(), timedelta(days=14))
    [(job,)] = query(
        "SELECT job_id FROM timescaledb_information.jobs WHERE hypertable_name = 'price_data_5min'"
    )
    fail(address, job)

    found = state(address)

    assert [(each.name, each.reason) for each in found.failures] == [
        ("price_data_5min", "disk full")
    ]
    assert any("FAILED compression of price_data_5min" in line for line in layout.lines(found))


def test_it_is_told_as_lines_and_as_json(
    address: str, tables: dict[str, Table], query: Ask
) -> None:
    lay_out(address, tables.values(), timedelta(days=14))
    query(FILL)
    query("ANALYZE price_data_5min")
    found = state(address)

    lines = list(layout.lines(found))
    told = layout.told(found)

    assert lines[0].startswith("layout: timescale: TimescaleDB 2.")
    assert any("rows (estimated)" in line for line in lines)
    assert told["layout"]["mode"] == "timescale"
    [prices] = [each for each in told["tables"] if each["table"] == "price_data_5min"]
    assert prices["estimated_rows"] > 0


def test_the_dashboards_sizes_count_what_is_compressed(
    address: str, tables: dict[str, Table], store: Store, query: Ask
) -> None:
    lay_out(address, tables.values(), timedelta(days=14))
    query(FILL)
    query("ANALYZE price_data_5min")
    query("SELECT compress_chunk(each, TRUE) FROM show_chunks('price_data_5min') each")

    [prices, ledger] = store.sizes(["price_data_5min", "ledger"])

    assert prices.rows > 0
    assert prices.size == query("SELECT hypertable_size('price_data_5min')::bigint")[0][0]
    assert ledger.size > 0
