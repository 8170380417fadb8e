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
