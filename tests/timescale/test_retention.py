"""Deleting by age, on hypertables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gept.app.upkeep import Upkeep
from gept.collectors import load_all
from gept.errors import UsageError
from gept.model import Table
from gept.store import Store
from gept.store.layouts.retention import retention
from gept.store.layouts.timescale import lay_out

Ask = Callable[..., list[Any]]
BEFORE = datetime(2026, 11, 8, tzinfo=UTC)
JOBS = "SELECT count(*) FROM timescaledb_information.jobs WHERE proc_name = 'policy_retention'"
DAYS = "SELECT timestamp::date::text FROM price_data_5min ORDER BY 1"


@pytest.fixture
def filled(address: str, tables: dict[str, Table], query: Ask) -> str:
    lay_out(address, tables.values(), timedelta(days=14))
    for day in ("2026-10-01Z", "2026-10-15Z", "2026-11-21Z"):
        query("INSERT INTO price_data_5min VALUES (2, %s, 5, 1, 5, 1)", day)
    return address


def test_looking_deletes_nothing(filled: str, query: Ask) -> None:
    with retention(filled) as kept:
        parts = kept.aged("price_data_5min", BEFORE)

    assert [f"{each.low:%Y-%m-%d} {each.high:%Y-%m-%d}" for each in parts] == [
        "2026-10-01 2026-10-08",
        "2026-10-15 2026-10-22",
    ]
    assert all(each.bytes > 0 for each in parts)
    assert query(JOBS) == [(0,)]
    assert query("SELECT count(*) FROM price_data_5min") == [(3,)]


def test_a_policy_is_set_changed_and_taken_away(filled: str, query: Ask) -> None:
    with retention(filled) as kept:
        before = kept.kept("prices_1h")
        for days in (400, 800):
            kept.keep("prices_1h", timedelta(days=days))
        after = kept.kept("prices_1h")
        jobs = query(JOBS)
        kept.forget("prices_1h")
        at_last = kept.kept("prices_1h")

    assert (before, after, at_last) == (None, timedelta(days=800), None)
    assert jobs == [(1,)]


def test_laying_out_leaves_a_policy_that_a_person_set(
    filled: str, tables: dict[str, Table], query: Ask
) -> None:
    with retention(filled) as kept:
        kept.keep("prices_1h", timedelta(days=400))

    lay_out(filled, tables.values(), timedelta(days=14))

    assert query(JOBS) == [(1,)]


def test_what_a_policy_deletes_is_wanted_no_more(filled: str, store: Store, query: Ask) -> None:
    five = load_all()["5m"]
    now = datetime(2026, 11, 22, tzinfo=UTC)
    store.begin(five, now - timedelta(days=500), now)
    with retention(filled) as kept:
        kept.keep("price_data_5min", timedelta(days=400))

    Upkeep(store, timedelta(days=30), lambda: now)()

    assert query("SELECT lower(wanted) FROM collectors WHERE name = '5m'") == [
        (now - timedelta(days=400),)
    ]


def test_parts_are_dropped_and_no_others(filled: str, query: Ask) -> None:
    query("SELECT compress_chunk(each, TRUE) FROM show_chunks('price_data_5min') each")
    with retention(filled) as kept:
        kept.drop("price_data_5min", kept.aged("price_data_5min", BEFORE))

    assert query(DAYS) == [("2026-11-21",)]


def test_a_table_that_is_no_hypertable_has_no_policy(address: str) -> None:
    with retention(address) as kept, pytest.raises(UsageError, match="kept for ever"):
        kept.forget("price_data_5min")
