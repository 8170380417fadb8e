"""A start while the database cannot be reached: the minutes are there when it is back."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import psycopg
import pytest
from conftest import reachable
from services import Services

from gept.store import Server
from gept.store.database import create
from system.conftest import Gept, get, until

OFTEN = {"GEPT_PLAYERS_INTERVAL": "10s", "GEPT_LATEST_INTERVAL": "10s"}
DONE = "SELECT to_char(tick AT TIME ZONE 'UTC', 'YYYYMMDD\"T\"HH24MISS\"Z\"') FROM ledger WHERE status = 'done'"


@pytest.fixture
def server(tmp_path: Path, postgres: Server) -> Iterator[Server]:
    """Give a server that can be stopped."""
    own = Server(reachable(tmp_path / "server"), postgres.binaries, Event().wait)
    own.ensure()
    create(own.url("postgres"), "gept")
    yield own
    own.stop()


@pytest.fixture
def others(gept: Gept, server: Server) -> Gept:
    """Give gept on a database of others."""
    gept.environ |= {**OFTEN, "DATABASE_URL": server.url("gept")}
    return gept


def done(server: Server) -> set[str]:
    with psycopg.connect(server.url("gept")) as connection:
        return {tick for (tick,) in connection.execute(DONE)}


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_led_before_is_collected_until_the_database_is_back(
    others: Gept, server: Server, port: int, ending: int
) -> None:
    first = others.start("up")
    until(lambda: get(port, "/health")[0] == 200, 40)
    assert done(server)
    first.send_signal(ending)
    first.wait()
    server.stop()

    others.start("up")
    spool = others.folder / "data" / "spool"

    def kept() -> set[str]:
        return {each.name.split(".")[1] for each in spool.glob("latest.*.tape")}

    waiting = until(lambda: kept() if len(kept()) >= 2 else set(), 40)
    server.ensure()
    until(lambda: waiting <= done(server))
    until(lambda: not [*spool.glob("*.tape")])
    assert "Traceback" not in others.log.read_text()


def test_what_nobody_led_here_is_left_to_others(
    others: Gept, server: Server, upstream: Services
) -> None:
    server.stop()
    others.start("up", DATA_DIR=str(others.folder / "new"))

    until(lambda: "waiting for the database" in others.log.read_text())
    until(lambda: "nothing was led here" in others.log.read_text())
    assert upstream.paths() == []
