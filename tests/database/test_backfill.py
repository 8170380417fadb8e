"""The past is fetched once, whatever happens to those that fetch it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any

import pytest
from conftest import Machine
from services import Services

from gept.errors import StoreAway, StoreBroken
from gept.events import Finished
from gept.jobs import backfill
from gept.jobs.backfill import Backfill, Job
from gept.jobs.budget import Patience
from gept.model import Collector
from gept.store import Database, Store

Query = Callable[..., list[Any]]
FIVE_MINUTES = timedelta(minutes=5)
DAY = timedelta(days=1)
BEGIN = datetime(2021, 3, 8, 8, tzinfo=UTC)
PACE = timedelta(0)


@dataclass
class Heard:
    """What a backfill told; ``ran`` may be made to do something."""

    left: list[int] = field(default_factory=list)
    ticks: list[datetime] = field(default_factory=list)
    whys: list[str] = field(default_factory=list)
    then: Callable[[], object] = lambda: None
    meanwhile: Callable[[], object] = lambda: None

    def ran(self, finished: Finished, left: int) -> None:
        self.ticks.append(finished.tick)
        self.left.append(left)
        self.then()

    def waits(self, why: str) -> None:
        self.whys.append(why)
        self.meanwhile()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def stop() -> Event:
    return Event()


@pytest.fixture
def work(machine: Machine, heard: Heard, stop: Event) -> Backfill:
    return Backfill(machine.runner, machine.store, machine.clock, PACE, stop, heard)


@pytest.fixture
def job(collectors: dict[str, Collector]) -> Job:
    return Job(collectors["5m"], BEGIN, BEGIN + timedelta(hours=1))


def test_a_span_is_cut_into_days() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    span = (noon, noon + timedelta(days=2))
    midnight = datetime(2026, 1, 2, tzinfo=UTC)
    days = [
        (noon, midnight),
        (midnight, midnight + timedelta(days=1)),
        (midnight + timedelta(days=1), noon + timedelta(days=2)),
    ]

    assert list(Job(None, *span, oldest_first=True).days()) == days  # type: ignore[arg-type]
    assert list(Job(None, *span).days()) == days[::-1]  # type: ignore[arg-type]
    assert list(Job(None, midnight, midnight + timedelta(days=1)).days()) == days[1:2]  # type: ignore[arg-type]


def test_it_names_older_ticks_and_asks_for_each_once(
    machine: Machine, work: Backfill, job: Job, upstream: Services, heard: Heard, query: Query
) -> None:
    machine.store.want(job.collector, job.since, job.until)
    wanted = machine.store.gaps(job.collector, job.since, job.until)
    first = work.run(job)
    asked = len(upstream.asked)
    again = work.run(job)

    assert [gap.ticks for gap in wanted] == [12]
    assert first == again == 0
    assert heard.left == list(range(11, -1, -1))
    assert len(upstream.asked) == asked == 12
    assert query("SELECT count(DISTINCT timestamp) FROM price_data_5min") == [(12,)]
    assert query("SELECT bool_and(settled) FROM ledger") == [(True,)]
    assert machine.store.gaps(job.collector, job.since, job.until) == []


@pytest.mark.parametrize("oldest_first", [False, True])
def test_the_newest_or_the_oldest_come_first(
    oldest_first: bool, work: Backfill, collectors: dict[str, Collector], heard: Heard
) -> None:
    begin = datetime(2021, 3, 9, 22, tzinfo=UTC)
    work.run(Job(collectors["hourly"], begin, begin + timedelta(hours=4), oldest_first))

    ticks = [begin + timedelta(hours=hour) for hour in range(4)]
    assert heard.ticks == (ticks if oldest_first else ticks[::-1])


def test_it_leaves_what_is_not_there_for_another_day(
    work: Backfill, collectors: dict[str, Collector], upstream: Services, query: Query
) -> None:
    hole, broken = int(BEGIN.timestamp()), int((BEGIN + FIVE_MINUTES).timestamp())
    upstream.fault(f"/api/v1/osrs/5m?timestamp={hole}", "empty", 9)
    upstream.fault(f"/api/v1/osrs/5m?timestamp={broken}", "status:404", 9)

    left = work.run(Job(collectors["5m"], BEGIN, BEGIN + 2 * FIVE_MINUTES))

    assert left == 2
    assert len(upstream.asked) == 2
    assert query("SELECT status FROM ledger ORDER BY tick") == [("not_yet",), ("failed",)]


def test_what_failed_for_a_while_is_asked_for_again_at_the_end(
    work: Backfill, job: Job, upstream: Services, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = int((job.until - FIVE_MINUTES).timestamp())
    upstream.fault(f"/api/v1/osrs/5m?timestamp={newest}", "status:500", 4)
    monkeypatch.setattr(Patience, "rest", lambda _: timedelta(0))

    assert work.run(job) == 0
    assert heard.ticks[0] == heard.ticks[-1]
    assert len(heard.ticks) == 13


def test_it_rests_while_the_source_is_away(
    work: Backfill, job: Job, upstream: Services, machine: Machine, stop: Event
) -> None:
    upstream.fault("/api/v1/osrs/5m", "status:404", 2)
    rests: list[float] = []

    def wait(timeout: float | None = None) -> bool:
        rests.append(timeout or 0)
        machine.clock.forward(minutes=5)
        return False

    stop.wait = wait  # type: ignore[method-assign]
    work.run(job)

    assert rests[:3] == [0, 30, 0]


def test_it_stops_when_told(
    work: Backfill, job: Job, upstream: Services, heard: Heard, stop: Event
) -> None:
    heard.then = stop.set

    assert work.run(job) == 11
    assert len(upstream.asked) == 1


def test_what_another_process_has_done_meanwhile_is_not_asked_for(
    work: Backfill, job: Job, upstream: Services, heard: Heard, machine: Machine
) -> None:
    """The other one does all of the day while this one runs its first tick."""

    def do_the_others() -> None:
        heard.then = lambda: None
        for tick in job.collector.schedule.between(job.since, job.until - FIVE_MINUTES):
            machine.run(job.collector, tick)

    heard.then = do_the_others

    assert work.run(job) == 0
    assert len(upstream.asked) == 12
    assert len(heard.ticks) == 1


def test_two_at_once_ask_for_each_tick_once(
    machine: Machine, job: Job, upstream: Services, address: str, stop: Event
) -> None:
    databases = [Database(address) for _ in range(2)]
    heard = [Heard(), Heard()]
    threads = []
    for database, each in zip(databases, heard, strict=True):
        database.open()
        work = Backfill(machine.runner, Store(database), machine.clock, PACE, stop, each)
        threads.append(Thread(target=work.run, args=(job,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for database in databases:
        database.close()

    assert set(Counter(upstream.paths()).values()) == {1}
    assert len(upstream.asked) == sum(len(each.ticks) for each in heard) == 12
    assert all(each.ticks for each in heard)


def test_a_tick_in_other_hands_is_waited_for_at_the_end(
    work: Backfill, job: Job, upstream: Services, address: str, heard: Heard, stop: Event
) -> None:
    other = Database(address)
    other.open()
    newest = job.until - FIVE_MINUTES
    claim = Store(other).claim(job.collector, newest)
    claim.__enter__()

    def wait(timeout: float | None = None) -> bool:
        if len(heard.ticks) == 11 and timeout == 0.25:
            claim.__exit__(None, None, None)
        return False

    stop.wait = wait  # type: ignore[method-assign]
    work._pace = timedelta(seconds=0.25)

    assert work.run(job) == 0
    assert heard.ticks[-1] == newest
    other.close()


def test_it_rests_while_paused_and_goes_on_when_resumed(
    work: Backfill,
    job: Job,
    upstream: Services,
    heard: Heard,
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backfill, "PAUSED_NAP", 0)

    def pause() -> None:
        if len(heard.ticks) == 3:
            machine.store.pause_backfill(job.collector)

    heard.then = pause
    asked: list[int] = []

    def look() -> None:
        asked.append(len(upstream.asked))
        if len(asked) == 5:
            machine.store.resume_backfill(job.collector)

    heard.meanwhile = look

    assert work.run(job) == 0
    assert asked == [3] * 5
    assert set(heard.whys) == {"paused"}


def test_pausing_is_known_to_all_and_said_once(store: Store, job: Job) -> None:
    store.pause_backfill(job.collector)
    first = store.paused_backfills()
    store.pause_backfill(job.collector)

    assert list(first) == ["5m"]
    assert store.paused_backfills() == first
    assert store.resume_backfill(job.collector)
    assert not store.resume_backfill(job.collector)
    assert store.paused_backfills() == {}


def test_it_goes_on_after_the_database_was_away(
    work: Backfill,
    job: Job,
    heard: Heard,
    query: Query,
    upstream: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backfill, "DATABASE_NAP", 0)
    missing = Store.missing

    def away_once(*arguments: Any) -> list[datetime]:
        if len(heard.ticks) == 2 and not heard.whys:
            raise StoreAway("restarting")
        return missing(*arguments)

    monkeypatch.setattr(Store, "missing", away_once)

    assert work.run(job) == 0
    assert heard.whys == ["the database is away: restarting"]
    assert len(upstream.asked) == 12


def test_a_commit_that_finds_no_database_is_run_again(
    work: Backfill,
    job: Job,
    heard: Heard,
    upstream: Services,
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backfill, "DATABASE_NAP", 0)
    commit = Store.commit

    def away_once(*arguments: Any) -> Any:
        if len(heard.ticks) == 2 and not heard.whys:
            raise StoreAway("restarting")
        return commit(*arguments)

    monkeypatch.setattr(Store, "commit", away_once)

    assert work.run(job) == 0
    assert heard.whys == ["the database is away: restarting"]
    assert Counter(upstream.paths()).most_common(2)[0][1] == 2
    assert len(upstream.asked) == 13


def test_a_database_that_refuses_for_good_ends_it(
    work: Backfill, job: Job, query: Query, heard: Heard
) -> None:
    query("ALTER TABLE ledger DROP COLUMN settled")

    with pytest.raises(StoreBroken, match="settled"):
        work.run(job)
    assert heard.ticks == []


@pytest.mark.parametrize(
    "hours", [(0, 0), (1, 1), (23, 26), (24, 25), (30, 100), (0, 72), (5, 120)]
)
def test_what_is_left_is_the_same_by_days_and_by_ticks(
    machine: Machine, collectors: dict[str, Collector], query: Query, hours: tuple[int, int]
) -> None:
    five, midnight = collectors["5m"], datetime(2026, 11, 1, tzinfo=UTC)
    fill = """
        INSERT INTO ledger (collector, tick, status, first_asked_at, asked_at)
        SELECT '5m', tick, (ARRAY['done', 'empty', 'failed'])[1 + n %% 3], tick, tick
        FROM generate_series(%s::timestamptz, %s::timestamptz, interval '5 minutes')
            WITH ORDINALITY AS ticks (tick, n) WHERE n %% 7 <> 0"""
    query(fill, midnight, midnight + timedelta(days=5))
    query("DELETE FROM ledger WHERE tick = %s", midnight + DAY)
    query(fill, *[midnight + DAY + timedelta(seconds=1)] * 2)
    since, until = (midnight + timedelta(hours=n, minutes=2 * (n % 24)) for n in hours)
    wanted = list(five.schedule.between(since, until))
    known = dict(query("SELECT tick, status FROM ledger"))

    for reopen, good in ((False, {"done", "empty"}), (True, {"done"})):
        left = sum(known.get(tick) not in good for tick in wanted)
        assert machine.store.count_left(five, since, until, reopen=reopen) == left


def test_what_is_left_over_years_is_told_by_the_roll_up(
    machine: Machine, collectors: dict[str, Collector], query: Query
) -> None:
    five, until = collectors["5m"], datetime(2026, 11, 1, 6, tzinfo=UTC)
    machine.run(five, datetime(2026, 10, 20, tzinfo=UTC))
    query("UPDATE ledger_days SET done = 288")

    assert machine.store.count_left(five, until - timedelta(days=365), until) == 364 * 288


def test_what_is_left_counts_wanted_or_not(
    machine: Machine, job: Job, collectors: dict[str, Collector], query: Query
) -> None:
    for number in range(3):
        machine.run(job.collector, job.since + number * FIVE_MINUTES)
    query("UPDATE ledger SET status = 'empty' WHERE tick = %s", job.since)
    query("UPDATE ledger SET tick = tick + interval '1 second' WHERE tick = %s", job.since)
    store, span = machine.store, (job.since, job.until)
    odd = query("SELECT count(*) FROM ledger WHERE status = 'empty'")
    first = store.count_left(job.collector, *span)
    query("UPDATE ledger SET tick = %s WHERE status = 'empty'", job.since)

    assert odd == [(1,)]
    assert first == 10
    assert store.count_left(job.collector, *span) == 9
    assert store.count_left(job.collector, *span, reopen=True) == 10
