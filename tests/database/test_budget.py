"""One budget for each source, whoever asks: live first, then corrections, catching up, backfill."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Event, Thread
from time import monotonic
from typing import Any

import pytest
from conftest import NOW, Clock, Machine
from services import Services

from gept.errors import StoreAway, UpstreamBusy
from gept.events import Closed, Finished
from gept.jobs.budget import Budget
from gept.jobs.live import Live, _Standing
from gept.jobs.repair import Repair
from gept.model import Collector, Request
from gept.settings import Settings
from gept.sources import PRICES
from gept.store import Database, Rank, Store
from gept.upstream import Upstream, client

Query = Callable[..., list[Any]]
HOUR = timedelta(hours=1)
PACE = timedelta(seconds=1)
FREE_IN = "SELECT extract(epoch FROM free_at - clock_timestamp())::float8 FROM paces"


@pytest.fixture
def free_in(query: Query) -> Callable[[], float]:
    """Give a function that tells in how many seconds the only source is free."""

    def seconds() -> float:
        [(found,)] = query(FREE_IN)
        return float(found)

    return seconds


def test_a_slot_is_taken_once_a_pace(store: Store) -> None:
    first = store.leave("prices", HOUR)
    second = store.leave("prices", HOUR)
    elsewhere = store.leave("news", HOUR)

    assert (first, elsewhere) == (0, 0)
    assert 3590 < second <= 3600


def test_many_at_once_take_one_slot(store: Store) -> None:
    with ThreadPoolExecutor(5) as pool:
        waits = list(pool.map(lambda _: store.leave("prices", HOUR), range(20)))

    assert waits.count(0) == 1


def test_a_live_tick_never_waits_and_lets_others_wait(store: Store) -> None:
    assert store.leave("prices", HOUR, live=True) == 0
    assert store.leave("prices", HOUR, live=True) == 0
    assert 3590 < store.leave("prices", PACE) <= 3600


def test_a_slot_that_is_taken_late_costs_no_time_on_average(
    store: Store, query: Query, free_in: Callable[[], float]
) -> None:
    query("INSERT INTO paces VALUES ('prices', clock_timestamp() - interval '15 minutes')")
    late = store.leave("prices", HOUR)
    owed = free_in()
    query("UPDATE paces SET free_at = clock_timestamp() - interval '1 day'")
    later = store.leave("prices", HOUR)

    assert late == later == 0
    assert 44 * 60 < owed <= 45 * 60
    assert 29 * 60 < free_in() <= 30 * 60


def test_a_slot_of_a_clock_that_was_ahead_keeps_nobody_waiting(
    store: Store, query: Query, free_in: Callable[[], float]
) -> None:
    query("INSERT INTO paces VALUES ('prices', clock_timestamp() + interval '1 day')")

    assert store.leave("prices", PACE) == 0
    assert free_in() <= 1


def test_a_pace_beyond_the_live_interval_does_not_starve_the_others(
    store: Store, free_in: Callable[[], float]
) -> None:
    Budget(store, HOUR).live("prices")

    assert free_in() <= 2


class Order:
    """A store that tells in which order slots were taken, and how long each rank waited."""

    def __init__(self, waits: list[float]) -> None:
        self.waits = waits

    def leave(self, source: str, pace: timedelta, *, live: bool = False) -> float:
        return self.waits.pop(0)


class Pauses(Event):
    """A flag that is waited for at no cost."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(round(timeout or 0, 3))
        return self.is_set()


@pytest.mark.parametrize(("rank", "waited"), [(0, 0.7), (1, 0.75), (2, 0.8)])
def test_the_less_urgent_comes_the_later(rank: int, waited: float) -> None:
    stop, order = Pauses(), Order([0.7, 0.0])

    assert Budget(order, PACE).leave("prices", Rank(rank), stop)  # type: ignore[arg-type]
    assert stop.waited == [waited]


def test_a_long_wait_is_looked_at_again(store: Store) -> None:
    stop, order = Pauses(), Order([3600.0, 0.0])

    assert Budget(order, PACE).leave("prices", Rank.BACKFILL, stop)  # type: ignore[arg-type]
    assert stop.waited == [10.0]


def test_waiting_ends_when_told_to_stop(store: Store) -> None:
    stop = Event()
    store.leave("prices", HOUR)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(Budget(store, HOUR).leave, "prices", Rank.BACKFILL, stop)
        stop.set()

        assert waiting.result(5) is False


def test_a_retry_after_lets_everybody_wait(
    store: Store, settings: Settings, upstream: Services, free_in: Callable[[], float]
) -> None:
    upstream.fault("/api/v1/osrs/5m", "status:429,1800")
    with client(settings) as http:
        source = Upstream(http, settings, Budget(store, PACE), Event(), Clock())
        with pytest.raises(UpstreamBusy, match="429"):
            source.get(Request(PRICES, "/5m"), monotonic() + 5)

    assert 1790 < free_in() <= 1800


def test_a_database_that_is_away_delays_no_live_tick() -> None:
    class Away:
        def leave(self, *_: Any, **__: Any) -> float:
            raise StoreAway("away")

    budget = Budget(Away(), PACE)  # type: ignore[arg-type]
    budget.live("prices")
    budget(Closed(Request(PRICES, "/5m"), 5))

    with pytest.raises(StoreAway):
        budget.leave("prices", Rank.CORRECTION, Event())


def test_a_live_tick_does_not_wait_while_others_do(
    machine: Machine, live: Live, collectors: dict[str, Collector]
) -> None:
    """The source is closed to others for an hour; the live tick runs all the same."""
    stop, ran = Event(), Event()
    budget = Budget(machine.store, HOUR)
    machine.store.leave("prices", HOUR)
    machine.runner._observe = lambda event: ran.set() if isinstance(event, Finished) else None
    follow = replace(live, budget=budget).follow
    threads = [
        Thread(target=budget.leave, args=("prices", Rank.BACKFILL, stop)),
        Thread(target=follow, args=(collectors["5m"], stop)),
    ]
    for thread in threads:
        thread.start()

    assert ran.wait(20)
    assert threads[0].is_alive()
    stop.set()
    for thread in threads:
        thread.join(10)


def test_a_live_tick_takes_a_slot(
    machine: Machine, live: Live, collectors: dict[str, Collector], query: Query
) -> None:
    five = collectors["5m"]
    loop, tick = replace(live, budget=Budget(machine.store, HOUR)), five.schedule.newest(NOW)
    loop._run(five, tick, _Standing())
    [(slot,)] = query("SELECT free_at FROM paces WHERE source = 'prices'")
    loop._run(five, tick, _Standing())

    assert query("SELECT free_at FROM paces") == [(slot,)]


def test_repair_keeps_to_the_budget_of_all(
    machine: Machine, collectors: dict[str, Collector], upstream: Services
) -> None:
    five, stop = collectors["5m"], Pauses()
    machine.store.begin(five, five.schedule.newest(NOW) - HOUR, NOW)
    repair = Repair(machine.runner, machine.store, [five], machine.clock, HOUR, PACE)
    machine.store.leave("prices", HOUR)
    stop.wait = lambda timeout=None: stop.set() or True  # type: ignore[method-assign, func-returns-value]

    assert not repair._work(stop)
    assert upstream.asked == []


def test_repair_leaves_alone_what_another_leads(
    machine: Machine, collectors: dict[str, Collector], upstream: Services
) -> None:
    five = collectors["5m"]
    machine.store.begin(five, five.schedule.newest(NOW) - HOUR, NOW)
    repair = Repair(
        machine.runner, machine.store, [five], machine.clock, HOUR, PACE, leads=lambda _: False
    )

    assert not repair._work(Event())
    assert repair._until_due() == timedelta(seconds=60)
    assert upstream.asked == []


def test_repair_does_not_ask_for_what_is_in_other_hands(
    machine: Machine, collectors: dict[str, Collector], upstream: Services, address: str
) -> None:
    five = collectors["5m"]
    newest = five.schedule.newest(NOW)
    machine.store.begin(five, newest - timedelta(minutes=5), NOW)
    repair = Repair(machine.runner, machine.store, [five], machine.clock, HOUR, timedelta(0))
    other = Database(address)
    other.open()
    with Store(other).claim(five, newest - timedelta(minutes=5)) as ours:
        repair._work(Event())
        asked = len(upstream.asked)
    other.close()
    repair._work(Event())

    assert ours
    assert asked == 0
    assert len(upstream.asked) == 1


def test_a_claim_ends_with_its_process(
    store: Store, collectors: dict[str, Collector], address: str, query: Query
) -> None:
    five, taken = collectors["5m"], []
    other = Database(address)
    other.open()

    def lose_the_connection() -> None:
        with Store(other).claim(five, NOW), store.claim(five, NOW) as free:
            taken.append(free)
            query(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND state = 'idle in transaction'"
            )

    with pytest.raises(StoreAway):
        lose_the_connection()
    other.close()

    assert taken == [False]
    with store.claim(five, NOW) as free:
        assert free
