"""A source is found by its name, and its name anew each time."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import Clock, Machine
from services import Services

from gept.model import Collector, Status
from gept.settings import Settings, load
from gept.store import Rank

HOST = "prices.example"
REAL = socket.getaddrinfo


class Names:
    """What names resolve to: the port of a server on loopback, or nothing."""

    def __init__(self) -> None:
        self.port: int | None = None

    def __call__(self, host: Any, port: Any, *others: Any, **more: Any) -> Any:
        """Resolve a name as the system would."""
        if host != HOST:
            return REAL(host, port, *others, **more)
        if self.port is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return REAL("127.0.0.1", self.port, *others, **more)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names)
    monkeypatch.setenv("no_proxy", HOST)
    return names


@pytest.fixture
def settings(names: Names, upstream: Services, tmp_path: Path) -> Settings:
    """Give settings that name the prices' host by a name."""
    named = {"GEPT_PRICES_URL": f"http://{HOST}/api/v1/osrs"}
    return load({**upstream.environ(), **named, "DATA_DIR": str(tmp_path)}, tmp_path)


@pytest.fixture
def moved(clock: Clock) -> Iterator[Services]:
    """Serve the same elsewhere."""
    services = Services()
    services.now = lambda: clock.at.timestamp()
    thread = services.start()
    yield services
    services.stop()
    thread.join()


def test_a_name_that_is_away_costs_the_tick_until_it_is_back(
    machine: Machine, collectors: dict[str, Collector], names: Names, upstream: Services
) -> None:
    failed = machine.run(collectors["5m"])

    assert (failed.status, failed.next_try) == (
        Status.FAILED,
        machine.clock() + timedelta(seconds=15),
    )
    assert failed.trouble is not None
    assert failed.trouble.startswith("prices/5m?timestamp=")
    assert failed.trouble.endswith("ConnectError: [Errno -2] Name or service not known")
    assert upstream.asked == []

    names.port = upstream.server_port
    machine.clock.forward(seconds=15)
    due = machine.store.due(collectors["5m"], failed.tick, machine.clock())

    assert due == [(failed.tick, Rank.CORRECTION)]
    assert machine.run(collectors["5m"], failed.tick).status is Status.DONE


def test_a_name_that_is_away_costs_no_other_source(
    machine: Machine, collectors: dict[str, Collector], names: Names
) -> None:
    run = {name: machine.run(collectors[name]).status for name in ("latest", "players", "news")}

    assert run == {"latest": Status.FAILED, "players": Status.DONE, "news": Status.DONE}


def test_a_source_that_moves_is_found_at_its_new_address(
    machine: Machine,
    collectors: dict[str, Collector],
    names: Names,
    upstream: Services,
    moved: Services,
) -> None:
    names.port = upstream.server_port
    before = machine.run(collectors["latest"])
    upstream.fault("/", "reset")
    upstream.stop()
    names.port = moved.server_port
    machine.clock.forward(minutes=1)

    after = machine.run(collectors["latest"])

    assert (before.status, after.status) == (Status.DONE, Status.DONE)
    assert before.tick < after.tick
    assert [each.path for each in moved.asked] == ["/api/v1/osrs/latest"]
