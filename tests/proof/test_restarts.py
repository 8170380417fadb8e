"""The database goes away and comes back, again and again, while gept collects."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count, cycle, islice
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import psycopg_pool.base
import pytest
from conftest import reachable

from gept.errors import StoreAway
from gept.model import Status
from gept.store import Server, database
from gept.store.schema.migrate import migrate
from proof.machine import Machine, stories
from proof.tables import differences

RESTARTS = 100
FAST, IMMEDIATE = signal.SIGINT, signal.SIGQUIT
WAYS = (FAST, IMMEDIATE, FAST, IMMEDIATE, signal.SIGKILL)
STORIES = ("5m settled", "latest", "news")


@pytest.fixture
def own(tmp_path: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Give a server with a database of gept's, and let nobody wait long for it."""
    monkeypatch.setattr(psycopg_pool.base.AttemptWithBackoff, "INITIAL_DELAY", 0.05)
    monkeypatch.setattr(psycopg_pool.base.AttemptWithBackoff, "DELAY_BACKOFF", 1.1)
    monkeypatch.setattr(database, "WAIT_FOR_CONNECTION", 2.0)
    own = Server(reachable(tmp_path), postgres.binaries, Event().wait)
    own.ensure()
    with (own.data / "postgresql.conf").open("a") as settings:
        settings.write("fsync = off\n")  # it is the server that ends, not the machine
    with psycopg.connect(own.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE gept")
    migrate(own.url("gept"))
    yield own
    own.stop()


def end(server: Server, number: int) -> None:
    """Let the server end in the way of a signal."""
    process: Any = server._process
    process.send_signal(number)
    process.wait(20)


class Collecting:
    """Goes through the ticks of a story in a thread, each until it is done."""

    def __init__(self, story: str, address: str) -> None:
        self.gept = Machine(stories()[story])
        self.gept.open(address)
        self.enough = Event()
        self.asked = Event()
        self.away = 0
        ask = self.gept.answers.body
        self.gept.answers.body = lambda *which: self.asked.set() or ask(*which)  # type: ignore[method-assign, func-returns-value]

    def run(self) -> int:
        """Work until it is enough; return how many ticks."""
        for number in count(1):
            if self.enough.is_set():
                return number - 1
            if self.gept.story.settled:
                self.insist(number, settled=False)
            self.insist(number, settled=self.gept.story.settled)
        raise AssertionError

    def insist(self, number: int, *, settled: bool) -> None:
        """Read a tick until the ledger knows it, as the loop and the repair do."""
        self.gept.turn(number, settled=settled)
        while True:
            try:
                if not self.gept.is_open(number):
                    return
                finished = self.gept.read(number)
            except StoreAway:
                self.away += 1
                continue
            assert finished.status in {Status.DONE, Status.AWAY}, finished.error
            self.away += finished.status is Status.AWAY


def restart(server: Server, collecting: list[Collecting], times: int) -> None:
    """End and start a server; each time the next collector has just been answered."""
    for way, each in islice(zip(cycle(WAYS), cycle(collecting), strict=False), times):
        each.asked.clear()
        assert each.asked.wait(20), "it no longer collects"
        end(server, way)
        server.ensure()


@pytest.mark.timeout(300)
def test_a_hundred_restarts_cost_nothing(own: Server, unharmed: str) -> None:
    collecting = [Collecting(story, own.url("gept")) for story in STORIES]
    with ThreadPoolExecutor() as threads:
        working = [threads.submit(each.run) for each in collecting]
        try:
            restart(own, collecting, RESTARTS)
        finally:
            for each in collecting:
                each.enough.set()
        ticks = [each.result() for each in working]

    for each, number in zip(collecting, ticks, strict=True):
        each.gept.close()
        assert each.away > RESTARTS / 10
        each.gept.open(unharmed)
        each.gept.tell(number)
        each.gept.close()
    assert differences(own.url("gept"), unharmed) == {}
