"""A month in minutes: every kind of outage, late and repeated buckets, corrections, duplicates.

A simulated clock runs thirty days. At the end every bucket and every snapshot that was taken is
there, exactly, and what is missing is told with its cause.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Event
from typing import Any

import pytest
from conftest import Alone, Clock
from services import Services

from gept.errors import StoreAway, UpstreamBusy
from gept.jobs.drain import Drain
from gept.jobs.live import Live, _Standing
from gept.jobs.repair import Repair
from gept.jobs.stops import Stops
from gept.model import Collector, Request, Response
from gept.runner.runner import Runner
from gept.simulate import Market
from gept.sources import CHANGES, NEWS, PLAYERS, PRICES
from gept.spool.spool import Spool
from gept.store import Store

Query = Callable[..., list[Any]]
BEGIN = datetime(2026, 10, 20, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
QUARTER = timedelta(minutes=15)
FIVE = timedelta(minutes=5)
MARKET = Market(150)
DAYS = 30
PATHS = {PRICES: "/api/v1/osrs", NEWS: "/m=news/latest_news.rss", CHANGES: "/api.php", PLAYERS: "/"}


@dataclass
class Windows:
    """Times in which something is out of order."""

    spans: list[tuple[datetime, datetime]]

    def holds(self, at: datetime) -> bool:
        return any(since <= at < until for since, until in self.spans)


def windows(random: Random, days: int, count: int, shortest: float, longest: float) -> Windows:
    """Return so many windows at random, each between so many minutes long."""
    spans = []
    for _ in range(count):
        since = BEGIN + timedelta(minutes=random.uniform(120, days * 1440 - 3 * 1440))
        spans.append((since, since + timedelta(minutes=random.uniform(shortest, longest))))
    return Windows(spans)


def _written(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


@dataclass
class World:
    """The services, with what goes wrong with them in a month. Answers without a network."""

    clock: Clock
    services: Services
    days: int
    random: Random
    bucket: timedelta
    away: Windows = field(init=False)
    closed: Windows = field(init=False)
    off: Windows = field(init=False)
    late: dict[str, timedelta] = field(default_factory=dict)
    holes: set[str] = field(default_factory=set)
    seen: Counter[str] = field(default_factory=Counter)
    served: dict[str, dict[datetime, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.away = windows(self.random, self.days, self.days // 3, 5, 300)
        self.closed = windows(self.random, self.days, self.days // 4, 5, 240)
        self.off = windows(self.random, self.days, self.days // 6, 20, 900)

    def get(self, request: Request, deadline: float) -> Response:
        """Return an answer, or what went wrong with it. Raises UpstreamBusy."""
        now = self.clock()
        if self.away.holds(now):
            raise UpstreamBusy(f"{request}: HTTP 503")
        path = PATHS.get(request.source, "/player_count.js")
        path = path + request.path if request.path else path
        query = {name: str(value) for name, value in request.params.items()}
        body = self.services.body(path, query)
        if "timestamp" in query:
            body = self._bucket(path, query, body)
        else:
            body = self._spoilt(path, body)
            self.served.setdefault(path, {})[now] = body
        return Response(request, body, now)

    def _bucket(self, path: str, query: dict[str, str], body: bytes) -> bytes:
        """Return a bucket late, repeated, unfinished or as it is; each in its own way, for ever."""
        at = datetime.fromtimestamp(int(query["timestamp"]), UTC)
        step = HOUR if path.endswith("1h") else self.bucket
        name = f"{path} {at}"
        luck = Random(name).random()
        self.seen[name] += 1
        before = {**query, "timestamp": str(int((at - step).timestamp()))}
        if luck < 0.0005:
            self.holes.add(name)
            return b'{"data":{}}'
        end = at + (HOUR if path.endswith("1h") else FIVE)
        if luck < 0.03 and self.clock() < end + MINUTE * (1 + luck * 1000):
            return b'{"data":{}}'
        if luck < 0.05 and self.seen[name] < 3:
            return self.services.body(path, before)
        if luck < 0.06 and self.seen[name] < 2:
            repeated = json.loads(self.services.body(path, before))
            return _written({**repeated, "timestamp": int(at.timestamp())})
        if luck < 0.12 and self.clock() < end + 10 * MINUTE:
            return self._unfinished(body)
        return self._spoilt(name, body) if self.seen[name] == 1 else body

    def _unfinished(self, body: bytes) -> bytes:
        """Return a bucket before it settled: an item short, another with less volume."""
        value = json.loads(body)
        if len(value["data"]) > 2:
            first, second, *_ = value["data"]
            del value["data"][first]
            value["data"][second]["highPriceVolume"] //= 2
        return _written(value)

    def _spoilt(self, name: str, body: bytes) -> bytes:
        """Return an answer as it is, or one of a hundred with an entry that is none."""
        if not body.startswith(b'{"data"') or Random(f"{name}{self.clock()}").random() > 0.01:
            return body
        value = json.loads(body)
        value["data"][next(iter(value["data"]), "2")] = {"high": "much"}
        return _written(value)


class Fragile(Store):
    """A database that is away at times."""

    def __init__(self, store: Store, world: World) -> None:
        super().__init__(store._database)
        database = store._database

        class Door:
            """Gives transactions while it is open."""

            address = database.address

            def transaction(self) -> Any:
                if world.closed.holds(world.clock()):
                    raise StoreAway("the database is away")
                return database.transaction()

        self._database = Door()  # type: ignore[assignment]


@dataclass
class Process:
    """One life of gept: what it would do in threads, done by hand."""

    world: World
    store: Store
    spool: Spool
    collectors: list[Collector]
    standings: dict[str, _Standing] = field(default_factory=dict)

    def __post_init__(self) -> None:
        clock, spool = self.world.clock, self.spool
        stops = Stops(clock)
        runner = Runner(self.world, self.store, stops, clock, timedelta(days=7), spool=spool)
        self.live = Live(runner, self.store, spool, Alone(), stops, stops, clock)
        self.drain = Drain(runner, self.store, self.spool, self.collectors, stops)
        week, none = timedelta(days=7), timedelta(0)
        past = [each for each in self.collectors if not each.present_only]
        self.repair = Repair(runner, self.store, past, clock, week, none)
        self.begun = False

    def look(self) -> None:
        """Do all that is due now."""
        if not self.begun:
            self._begin()
        for collector in self.collectors if self.begun else ():
            standing = self.standings.setdefault(collector.name, _Standing())
            tick = collector.schedule.newest(self.world.clock())
            if tick != standing.done:
                self.live._turn(collector, tick, standing)
        try:
            list(self.drain.drain())
            for _ in range(40):
                if not (self.begun and self.repair._work(Event())):
                    return
        except StoreAway:
            return

    def _begin(self) -> None:
        now = self.world.clock()
        try:
            for each in self.collectors:
                self.store.begin(each, each.schedule.newest(now), now)
        except StoreAway:
            return
        self.begun = True


def slowed(collectors: dict[str, Collector], step: timedelta, bucket: timedelta) -> list[Collector]:
    """Return the collectors, at other intervals than the real ones."""
    steps = {"latest": step, "players": step, "news": 12 * step, "5m": bucket}
    return [
        replace(
            each, schedule=replace(each.schedule, interval=steps.get(name, each.schedule.interval))
        )
        for name, each in collectors.items()
    ]


def run(
    world: World, store: Store, spool: Spool, collectors: list[Collector], look: timedelta
) -> None:
    """Let the month pass, and two quiet weeks after it in which what is late may come."""
    process: Process | None = None
    for now in moments(world.days, look):
        world.clock.at = now
        if world.off.holds(now):
            process = None
            continue
        process = process or Process(world, store, spool, collectors)
        process.look()


def moments(days: int, look: timedelta) -> Iterator[datetime]:
    """Yield when gept looks: at some moment of each span; after the month four times a day."""
    random = Random("moments")
    for number in range(int(days * DAY / look)):
        late = random.uniform(16, look.total_seconds() - 10)
        yield BEGIN + number * look + timedelta(seconds=late)
    for quarters in range(14 * 4):
        yield BEGIN + days * DAY + quarters * 6 * HOUR + MINUTE


def truth(step: str, at: datetime) -> list[tuple[Any, ...]]:
    data = MARKET.bucket(step, int(at.timestamp()))
    return [(int(item), *sides.values()) for item, sides in data.items()]


BUCKETS = {
    "5m": "SELECT item_id, avg_high_price, high_price_volume, avg_low_price, low_price_volume FROM price_data_5min WHERE timestamp = %s ORDER BY 1",
    "1h": "SELECT item_id, avg_high_price, high_price_volume, avg_low_price, low_price_volume FROM prices_1h WHERE timestamp = %s ORDER BY 1",
}
LEDGER = "SELECT tick, status FROM ledger WHERE collector = %s ORDER BY tick"
AT = "SELECT item_id, high, high_time, low, low_time FROM prices_at(%s) ORDER BY 1"


def check_buckets(world: World, query: Query, collector: Collector, step: str) -> None:
    """See that every bucket of the month is there, exactly, but for the holes of the source."""
    ledger = dict(query(LEDGER, collector.name))
    end = BEGIN + world.days * DAY
    for at in collector.schedule.between(BEGIN, end):
        hole = f"/api/v1/osrs/{step} {at}" in world.holes
        assert ledger.get(at) == ("empty" if hole else "done"), at
        assert query(BUCKETS[step], at) == ([] if hole else truth(step, at)), at


def check_snapshots(world: World, query: Query, latest: Collector) -> None:
    """See that every snapshot that was served whole is told as it was, and none else."""
    ledger = dict(query(LEDGER, latest.name))
    taken: dict[datetime, list[Any]] = {}
    for when, body in world.served["/api/v1/osrs/latest"].items():
        tick, rows = latest.schedule.newest(when), json.loads(body)["data"]
        if all(set(row) == {"high", "highTime", "low", "lowTime"} for row in rows.values()):
            taken.setdefault(tick, []).append(rows)
    done = {tick for tick, status in ledger.items() if status == "done"}
    assert done == set(taken)
    for tick, bodies in taken.items():
        told = query(AT, tick)
        assert told in [[(int(item), *sides(row)) for item, row in rows.items()] for rows in bodies]


def sides(row: dict[str, Any]) -> tuple[Any, ...]:
    def moment(seconds: int | None) -> datetime | None:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)

    return row["high"], moment(row["highTime"]), row["low"], moment(row["lowTime"])


def check_causes(world: World, query: Query, players: Collector) -> None:
    """See that every minute that is missing is told with its cause, and that it is the true one."""

    def dark(at: datetime) -> bool:
        return world.off.holds(at) or world.away.holds(at) or world.closed.holds(at)

    ledger = dict(query(LEDGER, players.name))
    served = {players.schedule.newest(when) for when in world.served["/"]}
    for tick in players.schedule.between(BEGIN + HOUR, BEGIN + world.days * DAY):
        status = ledger.get(tick)
        if tick in served:
            assert status == "done", (tick, status)
        elif status is None:
            assert any(dark(tick + n * MINUTE) for n in range(16)), tick
        else:
            assert status in {"failed", "away"}, (tick, status)
            assert any(dark(tick + n * MINUTE) for n in range(16)), tick


@dataclass(frozen=True)
class Pace:
    """How often the present is asked, how long a bucket is, and how often gept looks."""

    present: timedelta
    bucket: timedelta
    look: timedelta


def month(
    pace: Pace,
    clock: Clock,
    store: Store,
    spool: Spool,
    query: Query,
    collectors: dict[str, Collector],
) -> None:
    """Let a month pass, and see what is there after it."""
    days, step, bucket, look = DAYS, pace.present, pace.bucket, pace.look
    services = Services()
    services.market, services.now = MARKET, lambda: clock.at.timestamp()
    world = World(clock, services, days, Random(days), bucket)
    chosen = slowed(collectors, step, bucket)
    try:
        run(world, Fragile(store, world), spool, chosen, look)
    finally:
        services.server_close()
    of = {each.name: each for each in chosen}
    check_buckets(world, query, of["5m"], "5m")
    check_buckets(world, query, of["hourly"], "1h")
    check_snapshots(world, query, of["latest"])
    check_causes(world, query, of["players"])
    assert spool.waiting() == []
    assert query(
        "SELECT count(*) FROM price_data_5min p WHERE NOT EXISTS (SELECT FROM ledger WHERE collector = '5m' AND tick = p.timestamp AND status = 'done')"
    ) == [(0,)]


@pytest.mark.timeout(900)
def test_a_month_in_minutes(
    clock: Clock, store: Store, spool: Spool, query: Query, collectors: dict[str, Collector]
) -> None:
    quick = Pace(present=QUARTER, bucket=2 * QUARTER, look=QUARTER)
    month(quick, clock, store, spool, query, collectors)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_month_of_five_minutes(
    clock: Clock, store: Store, spool: Spool, query: Query, collectors: dict[str, Collector]
) -> None:
    month(Pace(FIVE, FIVE, FIVE), clock, store, spool, query, collectors)
