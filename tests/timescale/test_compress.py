"""Compressing at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from gept.model import Table
from gept.store.layouts.compress import compress
from gept.store.layouts.timescale import lay_out

Ask = Callable[..., list[Any]]
CLOSED = "SELECT is_compressed FROM timescaledb_information.chunks ORDER BY range_start"


def test_what_is_old_enough_is_compressed_once(
    address: str, tables: dict[str, Table], query: Ask
) -> None:
    lay_out(address, tables.values(), timedelta(days=14))
    for day in ("2026-10-01Z", "2026-11-21Z"):
        query("INSERT INTO price_data_5min VALUES (2, %s, 5, 1, 5, 1)", day)
    before = datetime(2026, 11, 8, tzinfo=UTC)

    planned = [*compress(address, before, dry=True)]
    untouched = query(CLOSED)
    done = [*compress(address, before)]

    assert untouched == [(False,), (False,)]
    assert planned == done
    assert [each.table for each in done] == ["price_data_5min"]
    assert query(CLOSED) == [(True,), (False,)]
    assert [*compress(address, before)] == []


def test_rows_that_came_later_are_taken_in(
    address: str, tables: dict[str, Table], query: Ask
) -> None:
    lay_out(address, tables.values(), timedelta(days=14))
    before = datetime(2026, 11, 8, tzinfo=UTC)
    query("INSERT INTO price_data_5min VALUES (2, '2026-10-01Z', 5, 1, 5, 1)")
    list(compress(address, before))
    query("INSERT INTO price_data_5min VALUES (2, '2026-10-02Z', 6, 1, 6, 1)")

    planned = [*compress(address, before, dry=True)]
    done = [*compress(address, before)]

    assert [(each.table, each.compressed) for each in planned] == [("price_data_5min", True)]
    assert done == planned
    assert [*compress(address, before)] == []
    assert query(CLOSED) == [(True,)]
    assert query("SELECT avg_high_price FROM price_data_5min ORDER BY timestamp") == [(5,), (6,)]
