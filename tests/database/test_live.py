"""The loop of a collector, its spool and its lead, while the database comes and goes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Any

import psycopg
import pytest
from conftest import Clock, Machine
from services import Services, latest

from gept.app.heart import Heart
from gept.app.relief import BEATS, Relief
from gept.errors import SpoolError, StoreAway, StoreBroken
from gept.events import Dropped, Finished
from gept.jobs.drain import TOGETHER, Drain, batches
from gept.jobs.live import Live, _Standing
from gept.model import Collector, Request, Status
from gept.spool.outages import Outages
from gept.spool.spool import Spool, Waiting
from gept.store import Lead, Store

Query = Callable[..., list[Any]]
MINUTE = timedelta(minutes=1)
EPOCH = datetime.fromtimestamp(0, UTC)
JOURNAL = "SELECT item_id, high, low FROM prices_at(%s) ORDER BY 1"


@dataclass
class Outage:
    """Takes the database of a store away."""

    store: Store
    error: Exception = field(default_factory=lambda: StoreAway("the database is away"))
    methods: dict[str, Any] = field(default_factory=dict)

    def begin(self) -> None:
        def refuse(*_: Any, **__: Any) -> Any:
            raise self.error

        for name in ("known", "commit", "record", "newest", "ping", "was_away"):
            setattr(self.store, name, refuse)

    def end(self) -> None:
        for name in ("known", "commit", "record", "newest", "ping", "was_away"):
            self.store.__dict__.pop(name, None)


@dataclass
class Loop:
    """A collector's loop, turned by hand, and the drain beside it."""

    machine: Machine
    live: Live
    drain: Drain
    spool: Spool
    standings: dict[str, _Standing] = field(default_factory=dict)

    def turn(self, collector: Collector, minutes: int = 1) -> None:
        """Let minutes pass, and run the newest tick of each."""
        for _ in range(minutes):
            standing = self.standings.setdefault(collector.name, _Standing())
            tick = collector.schedule.newest(self.machine.clock())
            if tick != standing.done:
                self.live._turn(collector, tick, standing)
            self.machine.clock.forward(minutes=1)

    @property
    def ended(self) -> list[Status]:
        return [each.status for each in self.machine.happened if isinstance(each, Finished)]


@pytest.fixture
def loop(live: Live, machine: Machine, spool: Spool, collectors: dict[str, Collector]) -> Loop:
    every = list(collectors.values())
    drain = Drain(machine.runner, machine.store, spool, every, live.stops)
    for each in every:
        machine.store.begin(each, each.schedule.newest(machine.clock()), machine.clock())
    return Loop(machine, live, drain, spool)


@pytest.fixture
def outage(machine: Machine) -> Iterator[Outage]:
    outage = Outage(machine.store)
    yield outage
    outage.end()


@pytest.fixture
def prices(collectors: dict[str, Collector]) -> Collector:
    return collectors["latest"]


def served(minute: int) -> list[tuple[Any, ...]]:
    snapshot = latest(minute)
    return [(int(item), row["high"], row["low"]) for item, row in snapshot.items()]


def test_no_snapshot_is_lost_while_the_database_is_away(
    loop: Loop, outage: Outage, prices: Collector, query: Query
) -> None:
    begin = prices.schedule.newest(loop.machine.clock())
    loop.turn(prices, 2)
    outage.begin()
    loop.turn(prices, 4)
    outage.end()
    loop.turn(prices, 2)
    assert len(loop.spool.waiting()) == 6  # the two after the outage wait for their turn
    drained = list(loop.drain.drain())

    assert [each.status for each in drained] == [Status.DONE] * 6
    assert loop.spool.waiting() == []
    for n in range(8):
        at = begin + n * MINUTE
        assert query(JOURNAL, at) == served(int(at.timestamp()) // 60), n
    assert query("SELECT status, count(*) FROM ledger GROUP BY 1") == [("done", 8)]
    asked = query("SELECT tick, asked_at FROM ledger ORDER BY 1")
    assert all(MINUTE > when - tick >= timedelta(0) for tick, when in asked)


def test_live_goes_straight_to_the_tables_again_when_the_spool_is_empty(
    loop: Loop, outage: Outage, prices: Collector
) -> None:
    outage.begin()
    loop.turn(prices)
    outage.end()
    list(loop.drain.drain())
    loop.turn(prices)

    assert loop.ended == [Status.SPOOLED, Status.DONE, Status.DONE]


def test_what_can_be_had_again_is_not_asked_for_meanwhile(
    loop: Loop, outage: Outage, collectors: dict[str, Collector], upstream: Services
) -> None:
    outage.begin()
    loop.turn(collectors["5m"], 10)

    assert upstream.asked == []
    assert set(loop.ended) == {Status.AWAY}


def test_news_go_on_from_what_was_known(
    loop: Loop, outage: Outage, collectors: dict[str, Collector], upstream: Services, query: Query
) -> None:
    news = collectors["news"]
    loop.turn(news, 60)
    loop.turn(news)  # its newest change is known from here on
    outage.begin()
    loop.turn(news, 60)
    assert len(loop.spool.waiting()) == 2
    outage.end()
    list(loop.drain.drain())

    assert query("SELECT DISTINCT status FROM ledger WHERE collector = 'news'") == [("done",)]


def test_an_outage_is_told_in_the_ledger(
    loop: Loop, outage: Outage, collectors: dict[str, Collector], upstream: Services, query: Query
) -> None:
    five, players = collectors["5m"], collectors["players"]
    loop.turn(five)
    loop.turn(players)
    outage.begin()
    upstream.fault("/", "status:404", 9)  # nothing comes that could be kept
    loop.turn(five, 10)
    loop.turn(players, 3)
    outage.end()
    upstream.faults.clear()
    loop.turn(five, 5)
    loop.turn(players)

    told = query(
        "SELECT collector, count(*), bool_and(next_try_at IS NULL), min(error) FROM ledger "
        "WHERE status = 'away' GROUP BY 1 ORDER BY 1"
    )
    [(five_name, buckets, final, error), (_, minutes, gone, _)] = told
    assert (five_name, buckets > 0, final, error) == ("5m", True, False, "the database is away")
    assert (minutes, gone) == (8, True)


def test_the_cause_of_a_gap_outlasts_a_kill(
    loop: Loop, outage: Outage, collectors: dict[str, Collector], query: Query, tmp_path: Path
) -> None:
    def restart() -> None:
        loop.live = replace(loop.live, outages=Outages(tmp_path / "outages"))
        loop.standings.clear()

    players, begin = collectors["players"], loop.machine.clock()
    restart()
    loop.turn(players)
    outage.begin()
    loop.spool.limit = 0
    loop.turn(players, 3)
    restart()  # killed, and started two minutes later; the database is still away
    loop.machine.clock.forward(minutes=2)
    loop.turn(players, 2)
    outage.end()
    loop.turn(players)

    gaps = loop.machine.store.gaps(players, begin - MINUTE, loop.machine.clock() - MINUTE)
    assert [(gap.cause, gap.ticks) for gap in gaps] == [("away", 3), ("not_asked", 2), ("away", 2)]
    assert list((tmp_path / "outages").glob("*.json"))
    assert list(Outages(tmp_path / "outages").spans(players, begin)) == []


def test_a_fault_that_stays_stops_its_collector_only(
    loop: Loop,
    prices: Collector,
    collectors: dict[str, Collector],
    upstream: Services,
    query: Query,
) -> None:
    query("ALTER TABLE prices_latest_1m RENAME COLUMN high TO top")
    query("ALTER TABLE price_data_5min RENAME COLUMN avg_high_price TO top")
    loop.turn(prices, 4)
    loop.turn(collectors["players"], 2)
    five = collectors["5m"]
    for _ in range(3):  # within the minute
        loop.live._turn(five, five.schedule.newest(loop.machine.clock()), _Standing())

    assert len(loop.spool.waiting()) == 4
    assert sum("/5m" in path for path in upstream.paths()) == 1
    [first, *others] = [each for each in loop.machine.happened if isinstance(each, Finished)]
    assert isinstance(first.error, StoreBroken)
    assert 'RENAME COLUMN "top" TO "high"' in str(first.error)
    assert [each.status for each in others[3:5]] == [Status.DONE, Status.DONE]


def test_what_was_broken_goes_on_by_itself_a_minute_after_it_was_mended(
    loop: Loop, prices: Collector, query: Query
) -> None:
    begin = prices.schedule.newest(loop.machine.clock())
    query("ALTER TABLE prices_latest_1m RENAME COLUMN high TO top")
    for _ in range(4):
        loop.turn(prices)
        list(loop.drain.drain())
    query("ALTER TABLE prices_latest_1m RENAME COLUMN top TO high")
    for _ in range(2):
        loop.turn(prices)
        list(loop.drain.drain())

    assert loop.spool.waiting() == []
    assert query("SELECT status, count(*) FROM ledger GROUP BY 1") == [("done", 6)]
    for n in range(6):
        at = begin + n * MINUTE
        assert query(JOURNAL, at) == served(int(at.timestamp()) // 60), n


def test_a_broken_ledger_costs_no_snapshot(loop: Loop, prices: Collector, query: Query) -> None:
    loop.turn(prices)
    query("ALTER TABLE ledger RENAME COLUMN attempts TO tries")
    loop.turn(prices, 3)
    assert len(loop.spool.waiting()) == 3

    query("ALTER TABLE ledger RENAME COLUMN tries TO attempts")
    for _ in range(2):
        loop.turn(prices)
        list(loop.drain.drain())
    assert query("SELECT status, count(*) FROM ledger GROUP BY 1") == [("done", 6)]


def test_an_outage_that_cannot_be_entered_ends_nothing(
    loop: Loop, outage: Outage, collectors: dict[str, Collector]
) -> None:
    outage.begin()
    loop.turn(collectors["5m"], 6)
    outage.error = StoreBroken("the ledger has lost a column")
    for name in ("known", "commit", "record", "newest", "ping"):
        loop.machine.store.__dict__.pop(name)
    loop.turn(collectors["5m"], 6)

    assert loop.ended[-1] is Status.DONE


def test_rows_that_do_not_fit_are_refused_and_the_answer_is_kept(
    loop: Loop, prices: Collector, query: Query
) -> None:
    query("ALTER TABLE prices_latest_1m ADD CONSTRAINT small CHECK (high < 10)")
    loop.turn(prices)
    query("ALTER TABLE prices_latest_1m DROP CONSTRAINT small")
    loop.turn(prices)

    assert loop.ended == [Status.REFUSED, Status.DONE]
    assert query("SELECT collector, reason LIKE '%%23514%%' FROM answers") == [("latest", True)]


def test_a_stand_by_does_not_ask(
    loop: Loop, outage: Outage, prices: Collector, upstream: Services
) -> None:
    loop.live.lead.leading = False  # type: ignore[attr-defined]
    loop.turn(prices, 2)
    outage.begin()
    loop.turn(prices, 2)

    assert upstream.asked == []


def test_a_full_spool_says_so(
    loop: Loop, outage: Outage, prices: Collector, collectors: dict[str, Collector]
) -> None:
    loop.spool.limit = 30_000
    outage.begin()
    loop.turn(collectors["players"])
    loop.turn(prices, 20)

    dropped = [each for each in loop.machine.happened if isinstance(each, Dropped)]
    assert dropped[0].collector == "players"
    assert {each.collector for each in dropped[1:]} == {"latest"}


def test_an_answer_that_cannot_be_read_when_its_turn_comes_is_refused(
    loop: Loop, outage: Outage, prices: Collector, upstream: Services, query: Query
) -> None:
    outage.begin()
    upstream.fault("/api/v1/osrs/latest", "html")
    loop.turn(prices)
    outage.end()
    [refused] = loop.drain.drain()

    assert refused.status is Status.REFUSED
    assert loop.spool.waiting() == []
    assert query("SELECT collector FROM answers") == [("latest",)]


def test_one_answer_that_cannot_be_read_keeps_none_of_the_others(
    loop: Loop, outage: Outage, prices: Collector, upstream: Services, query: Query
) -> None:
    outage.begin()
    loop.turn(prices, 2)
    upstream.fault("/api/v1/osrs/latest", "html")
    loop.turn(prices, 3)
    outage.end()
    done, refused = Status.DONE, Status.REFUSED

    assert [each.status for each in loop.drain.drain()] == [done, done, refused, done, done]
    assert loop.spool.waiting() == []
    assert query("SELECT status FROM ledger ORDER BY tick") == [
        (status,) for status in ("done", "done", "refused", "done", "done")
    ]


def test_answers_of_one_collector_are_stored_together_in_their_order() -> None:
    waiting = [
        Waiting(name, EPOCH + n * MINUTE, 1)
        for n in range(TOGETHER + 2)
        for name in ("latest", "players")
    ]
    stored = list(batches(waiting))

    assert max(map(len, stored)) == TOGETHER
    for name in ("latest", "players"):
        ours = [each for batch in stored for each in batch if batch[0].collector == name]
        assert ours == [each for each in waiting if each.collector == name]


def test_the_drain_waits_for_the_database(loop: Loop, outage: Outage, prices: Collector) -> None:
    outage.begin()
    loop.turn(prices, 2)
    with pytest.raises(StoreAway):
        list(loop.drain.drain())

    assert len(loop.spool.waiting()) == 2


def test_a_bug_costs_no_answer(
    loop: Loop, outage: Outage, prices: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    outage.begin()
    loop.turn(prices)
    outage.end()

    def bug(*_: Any) -> Any:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(loop.machine.store, "commit", bug)
        [finished] = loop.drain.drain()

    assert finished.status is Status.FAILED
    assert (loop.spool.waiting(), len(loop.spool.aside())) == ([], 1)


def test_following_runs_each_new_tick_once_and_stops_at_once(
    loop: Loop, collectors: dict[str, Collector], query: Query
) -> None:
    stop, told = Event(), Event()
    loop.machine.runner._observe = lambda event: told.set() if isinstance(event, Finished) else None
    thread = Thread(target=loop.live.follow, args=(collectors["players"], stop))
    thread.start()
    assert told.wait(20)
    stop.set()
    thread.join(5)

    assert not thread.is_alive()
    assert query("SELECT attempts FROM ledger") == [(1,)]


def test_one_leads_and_the_next_takes_over(address: str) -> None:
    first, second = Lead(address), Lead(address)

    assert first.leads("latest")
    assert not second.leads("latest")
    assert second.leads("players")
    assert first.leads("latest")
    first.close()
    assert second.leads("latest")
    assert second.led == {"latest", "players"}
    second.close()


def test_a_lost_connection_loses_the_lead_to_whoever_is_first(address: str, query: Query) -> None:
    first, second = Lead(address), Lead(address)
    assert first.leads("latest")
    assert not second.leads("latest")
    query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'gept lead %%' AND query LIKE 'SELECT pg_try%%' ORDER BY backend_start LIMIT 1"
    )

    assert first.leads("latest")  # it has heard nothing else yet
    assert second.leads("latest")
    first._retry_at = 0
    assert not first.leads("latest")
    for each in (first, second):
        each.close()


def test_the_last_leader_leads_on_while_the_database_is_away(address: str) -> None:
    leader, other = Lead(address), Lead(address)
    assert leader.leads("latest")
    assert not other.leads("latest")
    for each in (leader, other):
        each._disconnect()
        each._address = psycopg.conninfo.make_conninfo(address, port=1)

    assert leader.leads("latest")
    assert not other.leads("latest")
    assert not leader.leads("players")


def test_a_leader_is_relieved_only_when_it_alone_is_silent(
    address: str, store: Store, prices: Collector, clock: Clock
) -> None:
    leader, other = Lead(address), Lead(address)
    assert leader.leads("latest")
    assert not other.leads("latest")
    heart, relief = Heart(store, leader, [prices], clock), Relief(store, other, [prices])
    for _ in range(2 * BEATS):
        clock.forward(seconds=10)
        heart.beat(0)
        relief()
    leader._retry_at = 0
    assert leader.leads("latest")
    assert not other.leads("latest")

    for _ in range(BEATS - 1):
        relief()
    assert not other.leads("latest")
    relief()
    while not other.leads("latest"):  # the server ends the session in its own time
        pass
    assert leader.leads("latest")  # it has heard nothing else yet
    leader._retry_at = 0
    assert not leader.leads("latest")
    for each in (leader, other):
        each.close()


def test_waiting_for_a_lead_keeps_no_row_alive(address: str, query: Query) -> None:
    lead = Lead(address)
    assert lead.leads("latest")

    about = query(
        "SELECT state, backend_xmin, backend_xid FROM pg_stat_activity WHERE application_name LIKE 'gept lead %%'"
    )
    assert about == [("idle in transaction", None, None)]
    lead.close()


def test_a_database_that_answers_and_takes_nothing_costs_no_answer(
    loop: Loop, outage: Outage, prices: Collector, query: Query
) -> None:
    outage.begin()
    loop.turn(prices, 3)
    outage.end()
    query("ALTER DATABASE gept_test SET default_transaction_read_only = on")
    query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gept'")
    for _ in range(2):
        with pytest.raises(StoreAway):
            list(loop.drain.drain())
    assert len(loop.spool.waiting()) == 3

    query("SET default_transaction_read_only = off")
    query("ALTER DATABASE gept_test RESET default_transaction_read_only")
    query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gept'")
    assert [each.status for each in loop.drain.drain()] == [Status.DONE] * 3


def test_a_tape_that_answers_other_requests_is_set_aside(
    loop: Loop, outage: Outage, prices: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    outage.begin()
    loop.turn(prices)
    outage.end()
    other = replace(prices, requests=lambda tick: [Request(prices.source, "/newest")])
    monkeypatch.setitem(loop.drain._collectors, "latest", other)
    [finished] = loop.drain.drain()

    assert finished.status is Status.FAILED
    assert (loop.spool.waiting(), len(loop.spool.aside())) == ([], 1)


def test_one_file_that_cannot_be_read_stops_no_other(
    loop: Loop, outage: Outage, prices: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    outage.begin()
    loop.turn(prices, 3)
    outage.end()
    first, *_ = loop.spool.waiting()
    read = loop.spool.read

    def broken(waiting: Any) -> Any:
        if waiting == first:
            raise SpoolError("input/output error")
        return read(waiting)

    monkeypatch.setattr(loop.spool, "read", broken)

    assert [each.status for each in loop.drain.drain()] == [Status.DONE] * 2
    assert loop.spool.waiting() == [first]


def test_a_spool_that_cannot_be_written_costs_nothing_while_the_database_is_there(
    loop: Loop, outage: Outage, prices: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    outage.begin()
    loop.turn(prices)
    outage.end()

    def refuse(tape: Any) -> Any:
        raise SpoolError("read-only file system")

    monkeypatch.setattr(loop.spool, "keep", refuse)
    loop.turn(prices, 2)
    list(loop.drain.drain())

    assert loop.ended == [Status.SPOOLED, Status.DONE, Status.DONE, Status.DONE]


def test_a_disk_that_refuses_while_the_database_is_away_is_told_as_a_loss(
    loop: Loop, outage: Outage, prices: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(tape: Any) -> Any:
        raise SpoolError("read-only file system")

    monkeypatch.setattr(loop.spool, "keep", refuse)
    outage.begin()
    loop.turn(prices)

    [dropped] = [each for each in loop.machine.happened if isinstance(each, Dropped)]
    assert (dropped.collector, dropped.reason) == ("latest", "read-only file system")


def test_an_answer_is_not_stamped_with_a_minute_that_is_over(
    loop: Loop, outage: Outage, prices: Collector
) -> None:
    tick = prices.schedule.newest(loop.machine.clock())
    outage.begin()
    loop.machine.clock.forward(minutes=2)
    loop.live._turn(prices, tick, _Standing())

    assert [each.tick for each in loop.spool.waiting()] == [tick + 2 * MINUTE]


def test_a_database_that_hangs_costs_no_snapshot(
    loop: Loop, prices: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = prices.schedule.newest(loop.machine.clock())
    loop.turn(prices, 2)

    def hang(*_: Any, **__: Any) -> Any:
        loop.machine.clock.forward(seconds=70)
        raise StoreAway("the server has not answered for 70 s")

    for name in ("known", "commit", "leave"):
        monkeypatch.setattr(loop.machine.store, name, hang)
    loop.turn(prices)
    loop.machine.clock.forward(seconds=-60)  # the loop looks at the clock when it comes back
    loop.turn(prices, 3)

    assert [each.tick for each in loop.spool.waiting()] == [begin + n * MINUTE for n in range(2, 6)]


def test_a_done_snapshot_is_not_due_after_a_later_try_fails(
    loop: Loop, prices: Collector, upstream: Services
) -> None:
    tick = prices.schedule.newest(loop.machine.clock())
    loop.machine.run(prices, tick)
    upstream.fault("/api/v1/osrs/latest", "status:404")
    loop.machine.run(prices, tick)

    assert loop.machine.store.due(prices, tick, loop.machine.clock() + MINUTE) == []


def test_a_server_that_hangs_is_not_waited_for(
    address: str, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gept.store.lead._Prompt.patience", 0.3)
    lead = Lead(address)
    assert lead.leads("latest")
    [(backend,)] = query(
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'gept lead %%'"
    )
    os.kill(backend, signal.SIGSTOP)
    try:
        begun = monotonic()
        assert lead.leads("latest")
        lead.close()
        assert monotonic() - begun < 5
    finally:
        os.kill(backend, signal.SIGCONT)
