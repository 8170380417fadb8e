"""What is missing: found in the ledger, and repaired by asking again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Any
from unittest.mock import Mock

import pytest
from conftest import NOW, Machine
from services import Services

from gept import app
from gept.events import Finished
from gept.jobs.repair import Repair
from gept.model import Collector, Status
from gept.observe.health import Health
from gept.schedule import Every
from gept.store import Database, Gap, Rank, Store

Query = Callable[..., list[Any]]
FIVE_MINUTES = timedelta(minutes=5)
PACE = timedelta(milliseconds=1)


@pytest.fixture
def five(collectors: dict[str, Collector], machine: Machine) -> Collector:
    collector = collectors["5m"]
    newest = collector.schedule.newest(NOW)
    machine.store.begin(collector, newest - timedelta(hours=1), NOW)
    return collector


def due(machine: Machine, collector: Collector, limit: int = 100) -> list[datetime]:
    newest = collector.schedule.newest(machine.clock())
    found = machine.store.due(collector, newest - timedelta(days=7), machine.clock(), limit)
    return [tick for tick, _ in found]


def test_what_nobody_asked_for_is_due_the_newest_first(machine: Machine, five: Collector) -> None:
    newest = five.schedule.newest(NOW)

    assert due(machine, five) == [newest - n * FIVE_MINUTES for n in range(1, 13)]


def test_late_buckets_come_before_catching_up(
    machine: Machine, five: Collector, upstream: Services
) -> None:
    upstream.fault("/api/v1/osrs/5m", "stale")
    late = machine.run(five)
    before = due(machine, five, 1)
    machine.clock.forward(seconds=4)

    assert before != [late.tick]
    assert due(machine, five, 1) == [late.tick]


def test_a_bucket_is_due_once_more_when_it_has_settled(machine: Machine, five: Collector) -> None:
    done = machine.run(five)
    machine.clock.at = five.settles_at(done.tick)

    assert due(machine, five, 1) == [done.tick]
    machine.run(five, done.tick)
    assert done.tick not in due(machine, five)


def test_sources_of_the_present_are_not_asked_about_the_past(
    machine: Machine, collectors: dict[str, Collector], upstream: Services
) -> None:
    latest = collectors["latest"]
    machine.store.begin(latest, NOW - timedelta(hours=1), NOW)
    repair = Repair(machine.runner, machine.store, [latest], machine.clock, timedelta(days=7), PACE)

    assert not repair._work(Event())
    assert upstream.asked == []


def test_repair_works_until_nothing_is_due(machine: Machine, five: Collector, query: Query) -> None:
    repair = Repair(machine.runner, machine.store, [five], machine.clock, timedelta(days=7), PACE)
    stop = Event()
    while repair._work(stop):
        pass

    newest = five.schedule.newest(NOW)
    assert query("SELECT count(*) FROM ledger WHERE status = 'done'") == [(12,)]
    assert machine.store.gaps(five, newest - timedelta(hours=1), newest) == []


def test_repair_rests_longer_the_longer_the_source_is_away(
    machine: Machine, five: Collector, upstream: Services
) -> None:
    repair = Repair(machine.runner, machine.store, [five], machine.clock, timedelta(days=7), PACE)
    upstream.fault("/api/v1/osrs/5m", "status:404", 2)
    repair._work(Event())
    machine.clock.forward(minutes=5)
    repair._work(Event())
    away = repair._patience.rest()
    repair._work(Event())

    assert away == timedelta(seconds=30)
    assert repair._patience.rest() == timedelta(0)


def test_repair_wakes_up_for_a_late_bucket(
    machine: Machine, five: Collector, upstream: Services
) -> None:
    repair = Repair(machine.runner, machine.store, [five], machine.clock, timedelta(0), PACE)
    stop, ran = Event(), Event()

    def watch(event: Any) -> None:
        repair(event)
        if isinstance(event, Finished) and event.status is Status.DONE:
            ran.set()

    machine.runner._observe = watch
    thread = Thread(target=repair.follow, args=(stop,))
    thread.start()
    upstream.fault("/api/v1/osrs/5m", "stale")
    machine.run(five)
    machine.clock.forward(seconds=4)
    repair.wake()

    assert ran.wait(20)
    stop.set()
    repair.wake()
    thread.join(10)
    assert not thread.is_alive()


def test_another_interval_makes_no_gaps_of_what_was(
    machine: Machine, collectors: dict[str, Collector]
) -> None:
    slow = replace(collectors["latest"], schedule=Every(timedelta(hours=1)))
    fast = collectors["latest"]
    begin = slow.schedule.newest(NOW)
    machine.store.begin(slow, begin - timedelta(hours=3), NOW)
    machine.store.begin(fast, begin - timedelta(hours=3), NOW)
    until = NOW + timedelta(minutes=5)

    gaps = machine.store.gaps(fast, begin - timedelta(days=1), until)

    assert [gap.ticks for gap in gaps] == [4, 5]
    assert machine.store.count_missing(fast, begin - timedelta(days=1), until) == (9, 9)
    machine.store.begin(slow, begin, until)
    machine.store.begin(slow, begin, until)
    assert len(machine.store.gaps(fast, begin - timedelta(days=1), until)) == 2


def test_a_tick_of_the_future_is_asked_for_when_it_is_due(
    machine: Machine, five: Collector
) -> None:
    future = five.schedule.newest(NOW) + timedelta(hours=1)
    early = machine.run(five, future)
    machine.clock.at = five.schedule.due(future)

    assert early.status is Status.NOT_YET
    assert early.next_try == five.schedule.due(future)
    assert due(machine, five, 1) == [future]


def test_repair_does_not_spin_on_ticks_of_another_schedule(
    machine: Machine, collectors: dict[str, Collector], upstream: Services
) -> None:
    upstream.fault("/", "status:404")
    machine.run(collectors["players"])
    machine.clock.forward(seconds=30)
    slow = replace(collectors["players"], schedule=Every(timedelta(hours=1)))
    repair = Repair(machine.runner, machine.store, [slow], machine.clock, timedelta(days=7), PACE)

    assert not repair._work(Event())
    assert repair._until_due() == timedelta(seconds=60)


def test_repair_asks_ever_less_while_the_database_takes_no_rows(
    machine: Machine, five: Collector, upstream: Services, query: Query
) -> None:
    repair = Repair(machine.runner, machine.store, [five], machine.clock, timedelta(days=7), PACE)
    query("ALTER TABLE ledger RENAME COLUMN revisions TO others")
    repair._work(Event())
    machine.clock.forward(minutes=5)
    repair._work(Event())

    assert repair._patience.rest() == timedelta(seconds=30)
    assert len(upstream.asked) == 2


def test_a_tick_in_another_s_hands_takes_no_slot_and_holds_nobody_up(
    machine: Machine, five: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    repair = Repair(machine.runner, machine.store, [five], machine.clock, timedelta(days=7), PACE)
    leave = Mock(side_effect=repair._budget.leave)
    monkeypatch.setattr(repair._budget, "leave", leave)
    first, *others = due(machine, five)
    with machine.store.claim(five, first):
        worked = [repair._work(Event()) for _ in others]
        held = [repair._work(Event()) for _ in range(3)]
        nap = repair._until_due()
    assert worked == [True] * 11
    assert held == [False] * 3
    assert nap == timedelta(seconds=1)
    assert repair._work(Event())
    assert leave.call_count == 12
    assert due(machine, five) == []


def test_claims_leave_connections_to_those_who_hold_them(address: str, five: Collector) -> None:
    database = Database(address, 2)
    database.open()
    store = Store(database)
    with store.claim(five, NOW):
        assert not store._claims.acquire(blocking=False)
        store.ping()
    database.close()


def test_what_is_stored_is_read_again_when_settled_however_old(
    machine: Machine, five: Collector, upstream: Services, query: Query
) -> None:
    done = machine.run(five)
    machine.clock.forward(days=30)
    repair = Repair(machine.runner, machine.store, [five], machine.clock, timedelta(hours=1), PACE)
    newest = five.schedule.newest(machine.clock())
    machine.store.begin(five, newest, machine.clock())
    query("UPDATE collectors SET wanted = '{}'")
    assert due(machine, five) == [done.tick]
    assert repair._until_due() == PACE

    upstream.fault("/api/v1/osrs/5m", "status:404")
    repair._work(Event())
    [again] = query("SELECT status, settled, next_try_at FROM ledger")
    machine.clock.at = again[2]
    repair._work(Event())

    assert again[:2] == ("done", False)
    assert query("SELECT status, settled, next_try_at FROM ledger") == [("done", True, None)]
    assert len(upstream.asked) == 3


def test_what_failed_before_the_horizon_is_left_alone(
    machine: Machine, five: Collector, upstream: Services, query: Query
) -> None:
    upstream.fault("/api/v1/osrs/5m", "status:404")
    machine.run(five)
    query("UPDATE collectors SET wanted = '{}'")
    machine.clock.forward(days=30)

    assert due(machine, five) == []


def test_the_horizon_is_a_border(machine: Machine, five: Collector) -> None:
    newest = five.schedule.newest(NOW)

    assert machine.store.due(five, newest - timedelta(minutes=10), NOW, 100) == [
        (newest - FIVE_MINUTES, Rank.CATCH_UP),
        (newest - 2 * FIVE_MINUTES, Rank.CATCH_UP),
    ]


def test_a_restart_wants_what_was_missed_meanwhile(machine: Machine, five: Collector) -> None:
    machine.clock.forward(days=2)
    newest = five.schedule.newest(machine.clock())
    machine.store.begin(five, newest - timedelta(hours=24), machine.clock())

    assert len(due(machine, five, 10_000)) == 12 + 2 * 288


def test_gaps_are_ranges_of_one_cause(
    machine: Machine, five: Collector, upstream: Services
) -> None:
    newest = five.schedule.newest(NOW)
    upstream.fault("/api/v1/osrs/5m", "status:404", 2)
    machine.run(five, newest - 3 * FIVE_MINUTES)
    machine.run(five, newest - 2 * FIVE_MINUTES)
    machine.run(five, newest - 6 * FIVE_MINUTES)

    gaps = machine.store.gaps(five, newest - timedelta(days=1), newest)

    error = f"UpstreamRefused: prices/5m?timestamp={int((newest - 2 * FIVE_MINUTES).timestamp())}: HTTP 404"
    assert gaps == [
        Gap(newest - 12 * FIVE_MINUTES, newest - 6 * FIVE_MINUTES, 6, "not_asked", None),
        Gap(newest - 5 * FIVE_MINUTES, newest - 3 * FIVE_MINUTES, 2, "not_asked", None),
        Gap(newest - 3 * FIVE_MINUTES, newest - FIVE_MINUTES, 2, "failed", error),
        Gap(newest - FIVE_MINUTES, newest, 1, "not_asked", None),
    ]
    assert machine.store.count_missing(five, newest - timedelta(days=1), newest) == (11, 12)


def test_watching_tells_health_what_the_ledger_says(
    machine: Machine, collectors: dict[str, Collector], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "now", machine.clock)
    health = Health(collectors.values(), machine.clock)
    for collector in collectors.values():
        machine.store.begin(collector, collector.schedule.newest(NOW), NOW)
        health(machine.run(collector))
    fresh = Health(collectors.values(), machine.clock)

    for watcher in (health, fresh, fresh):
        app.watch(machine.store, watcher, timedelta(days=7))

    assert fresh.troubles() == health.troubles() == []
    assert {name: state.stored for name, state in fresh.states.items()} == {
        name: state.stored for name, state in health.states.items()
    }
    assert all(state.missing == 0 for state in fresh.states.values())


def test_standing_tells_the_newest_good_tick(
    machine: Machine, five: Collector, upstream: Services
) -> None:
    before = machine.store.standing(five, machine.clock())
    machine.run(five)
    upstream.fault("/api/v1/osrs/5m", "status:404")
    machine.clock.forward(minutes=5)
    machine.run(five)

    after = machine.store.standing(five, machine.clock())

    assert (before.newest_good, before.status) == (None, None)
    assert after.newest_good == five.schedule.newest(NOW)
    assert (after.tick, after.status) == (five.schedule.newest(machine.clock()), "failed")
