"""Time as it is: the process sleeps, the clock is stepped, a bucket comes late."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from conftest import NOW, Machine
from services import MARKET, Services
from stage import Cue, Stage

from gept.events import Finished, tell
from gept.jobs.budget import Budget
from gept.jobs.live import Live
from gept.jobs.repair import Repair
from gept.model import Collector, Status
from gept.runner.patience import LATE

Query = Callable[..., list[Any]]
FIVE_MINUTES = timedelta(minutes=5)
WEEK, PACE = timedelta(days=7), timedelta(milliseconds=100)
WITHIN = timedelta(seconds=5)
NO_PACE = timedelta(0)


@pytest.fixture
def stage(machine: Machine) -> Iterator[Stage]:
    stage = Stage(machine.clock)
    yield stage
    stage.finish()


Follow = Callable[..., list[Collector]]


@pytest.fixture
def follow(stage: Stage, machine: Machine, live: Live, collectors: dict[str, Collector]) -> Follow:
    """Give a function that follows and repairs collectors as ``gept up`` does."""

    def begin(*names: str) -> list[Collector]:
        chosen = [collectors[name] for name in names]
        repair = Repair(machine.runner, machine.store, chosen, machine.clock, WEEK, PACE)
        repair._awake = Cue(stage)
        repair._budget = Budget(machine.store, NO_PACE)  # that is by the clock of the database
        machine.runner._observe = tell(machine.happened.append, repair)
        for each in chosen:
            machine.store.begin(each, each.schedule.newest(NOW), NOW)
            stage.start(partial(live.follow, each))
        stage.start(repair.follow)
        return chosen

    return begin


def finished(machine: Machine) -> list[Finished]:
    return [event for event in machine.happened if isinstance(event, Finished)]


def ticks(query: Query, collector: Collector) -> list[datetime]:
    """Return the good ticks of a collector."""
    good = "SELECT tick FROM ledger WHERE collector = %s AND status = 'done' ORDER BY tick"
    return [tick for (tick,) in query(good, collector.name)]


def between(collector: Collector, since: datetime, until: datetime) -> list[datetime]:
    """Return the ticks of a collector from the newest of one moment to the newest of another."""
    schedule = collector.schedule
    end = schedule.following(schedule.newest(until))
    return list(schedule.between(schedule.newest(since), end))


def snapshot(at: datetime) -> list[tuple[int, int | None, int | None]]:
    """Return what the source tells of a minute."""
    served = MARKET.latest(int(at.timestamp()) // 60)
    return sorted((int(item), sides["high"], sides["low"]) for item, sides in served.items())


@pytest.mark.parametrize("measured", [True, False], ids=["stopped", "suspended"])
def test_after_hours_of_sleep_the_newest_is_there_at_once_and_the_missed_soon(
    measured: bool, follow: Follow, stage: Stage, machine: Machine, query: Query
) -> None:
    five, latest, players = follow("5m", "latest", "players")
    stage.forward(minutes=2)
    slept = machine.clock()
    if measured:
        stage.freeze(hours=8)
    else:
        machine.clock.forward(hours=8)
    woken = machine.clock()
    stage.forward(seconds=20)

    for each in (five, latest, players):
        assert ticks(query, each)[-1] == each.schedule.newest(woken)

    stage.forward(minutes=3)
    now = machine.clock()
    awake = between(players, NOW, slept) + between(players, woken, now)
    assert ticks(query, five) == between(five, NOW, now)
    assert ticks(query, players) == ticks(query, latest) == awake
    assert query("SELECT timestamp FROM player_counts ORDER BY 1") == [(each,) for each in awake]
    assert {each.status for each in finished(machine)} == {Status.DONE}


def test_a_clock_that_is_put_back_doubles_nothing_and_goes_on(
    follow: Follow, stage: Stage, machine: Machine, query: Query
) -> None:
    five, latest, players = follow("5m", "latest", "players")
    stage.forward(minutes=10)
    ahead = ticks(query, players)
    machine.clock.forward(hours=-1)
    back = machine.clock()
    stage.forward(minutes=3)

    soon = latest.schedule.newest(machine.clock())
    for each in (latest, players):
        assert set(ticks(query, each)) == {*ahead, *between(each, back, soon)}
    assert query("SELECT item_id, high, low FROM prices_current ORDER BY 1") == snapshot(soon)

    stage.forward(minutes=67)
    now = machine.clock()
    assert ticks(query, players) == ticks(query, latest) == between(players, back, now)
    assert ticks(query, five) == between(five, back, now)
    assert {each.status for each in finished(machine)} == {Status.DONE}
    assert query("SELECT max(attempts - settled::int) FROM ledger") == [(1,)]
    assert query("SELECT item_id, high, low FROM prices_current ORDER BY 1") == snapshot(now)


def test_a_clock_that_was_ahead_of_the_source_costs_no_bucket(
    follow: Follow, stage: Stage, machine: Machine, upstream: Services, query: Query
) -> None:
    upstream.now = lambda: (NOW + stage.elapsed).timestamp()
    [five] = follow("5m")
    stage.forward(minutes=5)
    machine.clock.forward(hours=1)
    stage.forward(minutes=5)
    asked = finished(machine)[-1]
    machine.clock.forward(hours=-1)
    machine.happened.clear()
    stage.forward(minutes=30)
    right = between(five, NOW, machine.clock())
    later = [each.tick for each in finished(machine)]
    stage.forward(minutes=45)

    assert asked.status is Status.NOT_YET
    assert set(later) <= set(right)
    assert ticks(query, five) == between(five, NOW, machine.clock())


@pytest.mark.parametrize("lag", [13, 20, 45, 90, 130])
def test_a_bucket_is_committed_within_five_seconds_of_its_publication(
    lag: int, follow: Follow, stage: Stage, machine: Machine, upstream: Services
) -> None:
    upstream.lag = lag
    [five] = follow("5m")
    stage.forward(minutes=20)
    told = [each for each in finished(machine) if each.tick > five.schedule.newest(NOW)]
    published = FIVE_MINUTES + timedelta(seconds=lag)
    waits = [
        each.committed - each.tick - published for each in told if each.committed and not each.again
    ]

    assert told[0].status is Status.NOT_YET
    assert len(waits) in {3, 4}
    assert all(timedelta(0) <= wait <= LATE < WITHIN for wait in waits)
