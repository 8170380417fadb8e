"""To tell how all stands costs the same, however much is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, cast

import psycopg
import pytest
from conftest import NOW, Clock, Machine

from gept import app
from gept.app.beginning import Beginning
from gept.errors import StoreAway
from gept.model import Collector
from gept.observe.health import Health
from gept.settings import Settings
from gept.store import Database, Store

Query = Callable[..., list[Any]]
WEEK = timedelta(days=7)
DATA = """
    SELECT string_agg(quote_ident(relname), ', ') FROM pg_class
    WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
      AND relname NOT IN ('ledger', 'ledger_days', 'collectors', 'migrations')
"""
FILL = """
    INSERT INTO ledger (collector, tick, status, first_asked_at, asked_at, committed_at)
    SELECT '5m', tick, 'done', tick, tick, tick
    FROM generate_series(%s::timestamptz, %s, '5 minutes') AS tick
    ON CONFLICT DO NOTHING
"""
READ = """
    SELECT sum(pg_stat_get_xact_tuples_returned(oid)) FILTER (WHERE relkind = 'i'),
           sum(pg_stat_get_xact_tuples_returned(oid)) FILTER (WHERE oid = 'ledger'::regclass)
    FROM pg_class WHERE relnamespace = 'public'::regnamespace
"""


class Measured:
    """A database that tells of each transaction what it read: entries of indexes, scanned rows."""

    size = 1

    def __init__(self, address: str) -> None:
        self._address = address
        self.read: list[tuple[int, int]] = []

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Cursor[Any]]:
        """Give a cursor, and measure."""
        with psycopg.connect(self._address) as connection:
            yield connection.cursor()
            self.read += connection.execute(READ).fetchall()


@pytest.fixture
def measured(address: str) -> Measured:
    return Measured(address)


def test_no_table_of_data_is_read_to_tell_how_all_stands(
    machine: Machine,
    collectors: dict[str, Collector],
    address: str,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app, "now", clock)
    health = Health(collectors.values(), clock)
    for each in collectors.values():
        machine.store.begin(each, each.schedule.newest(NOW), NOW)
        machine.run(each)
    with psycopg.connect(address) as connection:
        [(tables,)] = connection.execute(DATA).fetchall()
        connection.execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")

        app.watch(machine.store, health, WEEK)

    assert "price_data_5min" in tables
    assert "player_counts" in tables
    assert health.troubles() == []
    assert all(state.missing == 0 for state in health.states.values())


def test_to_tell_how_all_stands_costs_the_same_after_years(
    collectors: dict[str, Collector], measured: Measured, query: Query
) -> None:
    five = collectors["5m"]
    newest = five.schedule.newest(NOW)
    store = Store(cast("Database", measured))
    store.begin(five, newest - timedelta(days=800), NOW)
    measured.read.clear()
    for days in (80, 800):
        query(FILL, newest - timedelta(days=days), newest)
        query("ANALYZE ledger")
        store.standing(five, NOW)
        assert store.count_missing(five, newest - WEEK, newest) == (0, 2016)
        store.ping()

    young, old = measured.read[:3], measured.read[3:]
    assert [scanned for _, scanned in measured.read] == [0] * 6
    assert old == young
    assert max(entries for entries, _ in old) <= 288 + 10


def test_a_start_on_a_database_that_takes_nothing_begins_when_it_does(
    machine: Machine,
    settings: Settings,
    collectors: dict[str, Collector],
    monkeypatch: pytest.MonkeyPatch,
    query: Query,
) -> None:
    five = collectors["5m"]
    beginning = Beginning(machine.store, [five], settings, machine.clock)

    def refuse(*_: Any) -> None:
        raise StoreAway("read-only")

    with monkeypatch.context() as patch:
        patch.setattr(machine.store, "begin", refuse)
        assert beginning() == "read-only"
    machine.clock.forward(days=2)
    assert beginning() is None

    first = five.schedule.ceil(five.schedule.newest(NOW) - settings.first_horizon)
    assert query("SELECT lower(wanted) FROM collectors") == [(first,)]
