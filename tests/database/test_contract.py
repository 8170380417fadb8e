"""What every collector promises: the importable contract over ours, and a run of the whole way."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import NOW, Machine
from services import MARKET, Services

from gept.collectors import five_minutes, hourly, items, latest, load_all, news, players
from gept.model import Collector, Request, Status
from gept.simulate import Server
from gept.testing import CollectorContract, gept_database, gept_server

__all__ = ["gept_database", "gept_server"]
every = pytest.mark.parametrize("collector", load_all().values(), ids=lambda each: each.name)


class Ours(CollectorContract):
    """The contract, with the simulator's answers."""

    now = NOW

    def answer(self, request: Request) -> bytes:
        server = Server(MARKET, now=lambda: NOW.timestamp())
        path = "/api/v1/osrs" + request.path if request.source.name == "prices" else "/"
        path = {"news": "/m=news/latest_news.rss", "changes": "/api.php"}.get(
            request.source.name, path
        )
        query = {name: str(value) for name, value in request.params.items()}
        body = server.body(path, query)
        server.server_close()
        return body


class TestFiveMinutes(Ours):
    collector = five_minutes.COLLECTOR


class TestHourly(Ours):
    collector = hourly.COLLECTOR


class TestLatest(Ours):
    collector = latest.COLLECTOR


class TestNews(Ours):
    collector = news.COLLECTOR


class TestPlayers(Ours):
    collector = players.COLLECTOR


class TestItems(Ours):
    collector = items.COLLECTOR


def test_the_contract_is_checked_for_every_collector() -> None:
    checked = {each.collector.name for each in Ours.__subclasses__()}

    assert checked == set(load_all())


@every
def test_it_has_a_port_of_its_own(collector: Collector) -> None:
    others = [each for each in load_all().values() if each.name != collector.name]

    assert collector.port not in {each.port for each in others}


@every
def test_a_tick_gives_rows_and_the_same_tick_again_gives_none(
    collector: Collector, machine: Machine
) -> None:
    first = machine.run(collector)
    again = machine.run(collector)

    assert (first.status, again.status) == (Status.DONE, Status.DONE)
    assert first.counts.inserted > 0
    assert again.counts.changed == 0


@every
def test_it_takes_no_row_from_an_empty_answer(
    collector: Collector, machine: Machine, upstream: Services
) -> None:
    answer: Any = {"data": {}}
    upstream.answer = lambda *_: answer  # type: ignore[method-assign]

    finished = machine.run(collector)

    assert finished.status in {Status.NOT_YET, Status.REFUSED}
    assert finished.counts.rows == 0
