"""Big tables where the server has no TimescaleDB."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gept.collectors import load_all
from gept.errors import StoreAway, UsageError
from gept.store.layouts import timescale
from gept.store.layouts.compress import compress
from gept.store.layouts.state import state
from gept.store.layouts.timescale import Extension, Mode, lay_out

Ask = Callable[..., list[Any]]
NOW = datetime(2026, 11, 22, tzinfo=UTC)
BIG = [each.table for each in load_all().values() if each.table.partition]


def test_without_the_extension_everything_stays_as_it_is(address: str, query: Ask) -> None:
    done = lay_out(address, BIG, timedelta(days=14))

    assert done.extension.mode is Mode.NATIVE
    assert (done.changed, done.native) == ((), ())
    assert query("SELECT relkind::text FROM pg_class WHERE relname = 'price_data_5min'") == [("p",)]


def test_what_is_in_the_database_but_not_loaded_is_waited_for(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unloaded = Extension("2.28.3", "2.28.3", preloaded=False, permitted=True, license=None)
    monkeypatch.setattr(timescale, "look", lambda _: unloaded)

    with pytest.raises(StoreAway, match="so nothing can be written or saved: add timescaledb to"):
        lay_out(address, BIG, timedelta(days=14))


def test_size_and_estimate_cover_every_partition(address: str, query: Ask) -> None:
    [empty] = [each for each in state(address).sizes if each.name == "price_data_5min"]
    for week in ("20261112", "20261119"):
        query(
            f"CREATE TABLE price_data_5min_{week} PARTITION OF price_data_5min"
            f" FOR VALUES FROM ('{week}Z') TO ('{week}Z'::timestamptz + interval '7 days')"
        )
        query(
            "INSERT INTO price_data_5min SELECT item, %s::timestamptz, 1, 1, 1, 1"
            " FROM generate_series(1, 500) item",
            f"{week}Z",
        )
    query("CREATE TABLE price_data_5min_later PARTITION OF price_data_5min DEFAULT")
    query("ANALYZE price_data_5min_later")
    query("SELECT pg_stat_force_next_flush()")
    [counted] = [each for each in state(address).sizes if each.name == "price_data_5min"]
    query("SELECT pg_stat_reset()")
    [unknown] = [each for each in state(address).sizes if each.name == "price_data_5min"]
    query("ANALYZE price_data_5min")
    [known] = [each for each in state(address).sizes if each.name == "price_data_5min"]

    assert (empty.rows, counted.rows, unknown.rows) == (0, 1000, None)
    assert (known.kind, known.rows, known.parts) == ("partitions", 1000, 3)
    assert known.bytes == sum(
        query("SELECT pg_total_relation_size(%s::regclass)", f"price_data_5min_{week}")[0][0]
        for week in ("20261112", "20261119", "later")
    )
    assert known.bytes_a_row == round(known.bytes / 1000, 1)


def test_what_cannot_be_compressed_is_told_with_the_reason(address: str) -> None:
    why = re.escape(state(address).extension.why)

    with pytest.raises(UsageError, match=f"nothing can be compressed here: {why}"):
        next(compress(address, NOW))
