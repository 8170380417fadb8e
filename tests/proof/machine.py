"""A runner on a real database, with answers of the made-up market and no network at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event as Flag
from typing import Any

import httpx2

from gept.collectors import load_all
from gept.events import Finished
from gept.model import Collector, Status
from gept.runner.runner import Runner
from gept.settings import load
from gept.simulate import Market, Server
from gept.store import Database, Store
from gept.upstream import Upstream

ITEMS = 40
SUNDAY = datetime(2026, 11, 22, tzinfo=UTC)


class Answers(Server):
    """The services, asked without a network; buckets are other ones when they have settled."""

    def __init__(self) -> None:
        super().__init__(Market(ITEMS), now=lambda: self.at.timestamp())
        self.server_close()
        self.at = SUNDAY
        self.settled = False

    def answer(self, path: str, query: dict[str, str], fault: str) -> Any:
        """Return what the market says; a first reading lacks an item, and has one too many."""
        value = super().answer(path, query, fault)
        if path.endswith(("/5m", "/1h")) and len(items := sorted(value["data"])) > 6:
            del value["data"][items[0 if self.settled else 1]]
            value["data"][items[2]]["highPriceVolume"] += self.settled
        return value

    def client(self) -> httpx2.Client:
        """Return a client that is answered at once."""

        def handle(request: httpx2.Request) -> httpx2.Response:
            body = self.body(request.url.path, dict(request.url.params))
            return httpx2.Response(200, stream=httpx2.ByteStream(body))

        return httpx2.Client(transport=httpx2.MockTransport(handle))


@dataclass(frozen=True, slots=True)
class Story:
    """Ticks of one collector, ``stride`` apart, each in its first or also its settled reading."""

    collector: Collector
    stride: timedelta
    settled: bool = False

    def tick(self, number: int) -> datetime:
        """Return the tick of a number."""
        return self.collector.schedule.floor(SUNDAY) + number * self.stride

    def moment(self, number: int, *, settled: bool) -> datetime:
        """Return when a tick is read."""
        tick = self.tick(number)
        due = self.collector.settles_at(tick) if settled else self.collector.schedule.due(tick)
        return due + timedelta(seconds=2)


def stories() -> dict[str, Story]:
    """Return a story of each collector, and of each that reads its ticks a second time."""
    hour, day = timedelta(hours=1), timedelta(days=1)
    known = load_all()
    plain = {
        "5m": timedelta(minutes=5),
        "hourly": 7 * day,  # a new partition at every fourth tick
        "latest": 8 * hour,  # a key frame at every third tick
        "news": timedelta(minutes=30),
        "players": timedelta(minutes=1),
        "items": day,
    }
    told = {name: Story(known[name], stride) for name, stride in plain.items()}
    told["5m settled"] = Story(known["5m"], hour, settled=True)
    told["hourly settled"] = Story(known["hourly"], 4 * hour, settled=True)
    return told


class Machine:
    """Takes a story's ticks through the real runner, upstream and store."""

    database: Database
    store: Store
    runner: Runner

    def __init__(self, story: Story) -> None:
        self.story = story
        self.answers = Answers()
        settings = load(self.answers.environ())
        self.upstream = Upstream(self.answers.client(), settings, _nobody, Flag(), self.now)

    def open(self, address: str, size: int = 1) -> None:
        """Go to work on the database of an address."""
        self.database = Database(address, size)
        self.database.open()
        self.store = Store(self.database)
        self.runner = Runner(self.upstream, self.store, _nobody, self.now, timedelta(days=7))

    def close(self) -> None:
        """Leave the database."""
        self.database.close()

    def now(self) -> datetime:
        """Return the time, which stands still while a tick is read."""
        return self.answers.at

    def turn(self, number: int, *, settled: bool) -> None:
        """Set the clock to when a tick is read."""
        self.answers.at = self.story.moment(number, settled=settled)
        self.answers.settled = settled

    def read(self, number: int) -> Finished:
        """Read a tick at the time of the clock."""
        return self.runner.run(self.story.collector, self.story.tick(number))

    def is_open(self, number: int) -> bool:
        """Tell whether gept would ask for a tick now: nothing good is known, or it is due."""
        collector, tick = self.story.collector, self.story.tick(number)
        known = self.store.known(collector, tick, self.now())
        if known.status is None or not known.status.good:
            return True
        return tick in dict(self.store.due(collector, tick, self.now()))

    def finish(self, number: int, *, settled: bool) -> bool:
        """Do what a restart does for a tick: read it if it is open; tell whether it was."""
        self.turn(number, settled=settled)
        if not self.is_open(number):
            return False
        finished = self.read(number)
        assert finished.status is Status.DONE, finished
        return True

    def tell(self, ticks: int) -> None:
        """Read so many ticks of the story, each as often as it is to be read."""
        for number in range(1, ticks + 1):
            if self.story.settled:
                self.finish(number, settled=False)
            self.finish(number, settled=self.story.settled)


def _nobody(event: object) -> None:
    pass
