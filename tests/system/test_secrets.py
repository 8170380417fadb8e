"""Secrets that were planted are looked for wherever something of gept can be read."""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

import psycopg
import pytest
from services import Services

from gept.cli import COMMANDS
from gept.store import Server
from system.conftest import Gept, free_port, get, until

PLANTED = "planted"
PASSWORD, TOKEN, KEY = "planted-pass-1", "planted-token-of-length", "planted-key-1"
SECRETS = {"DASHBOARD_TOKEN": TOKEN, "API_KEY": KEY}
WHICH: dict[str, list[list[str]]] = {
    "up": [],
    "collect": [["collect", "nobody"], ["collect", "players", "nobody"]],
    "once": [["once", "players"], ["once", "nobody"], ["once", "latest"]],
    "status": [["status"], ["status", "--json"]],
    "gaps": [["gaps", "--json"]],
    "completeness": [["completeness"]],
    "rejects": [["rejects"]],
    "backfill": [["backfill", "5m", "--since", "2026-01-01", "--until", "2026-01-01T00:05"]],
    "repair": [["repair", "hourly", "--item", "2"]],
    "spool": [["spool"]],
    "redecode": [["redecode"]],
    "verify": [["verify", "hourly"]],
    "health": [["health"]],
    "dashboard": [["dashboard", "nobody"]],
    "doctor": [["doctor"], ["doctor", "--json", "--ask"]],
    "backup": [["backup"], ["backup", "list"], ["backup", "verify"]],
    "restore": [["restore", "nothing"]],
    "archive": [["archive", "hourly"], ["archive", "list"]],
    "import": [["import", "duckdb", "nothing"]],
    "db": [
        ["db", "url"],
        ["db", "migrate"],
        ["db", "status", "--json"],
        ["db", "shell", "-c", "SELECT 1"],
        ["db", "roles", "--dry-run"],
        ["db", "adopt"],
        ["db", "size"],
        ["db", "retention"],
        ["db", "compress"],
        ["db", "run"],
        ["db", "upgrade", "--from", "/"],
    ],
    "settings": [["settings"], ["settings", "--json"]],
    "simulate": [],
}
"""Commands that end by themselves; the others are looked at while they run."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Run a server that takes passwords, over TCP."""
    server = Server(tmp_path / "server", None, Event().wait, free_port())
    server.ensure()
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE collector LOGIN PASSWORD '{PASSWORD}'")
        connection.execute("CREATE DATABASE osrs_data OWNER collector")
    yield server
    server.stop()


def ways(server: Server, password: str) -> list[dict[str, str]]:
    """Return both ways to name a database."""
    port = str(server.tcp)
    return [
        {"DB_HOST": "127.0.0.1", "DB_PORT": port, "DB_USER": "collector", "DB_PASS": password},
        {"DATABASE_URL": f"postgresql://collector:{password}@127.0.0.1:{port}/osrs_data"},
    ]


def wrong(server: Server) -> list[dict[str, str]]:
    """Return settings with which everything fails: the password, the port, the shape, the name."""
    right = ways(server, PASSWORD)
    return [
        *ways(server, "planted-wrong"),
        {**right[0], "DB_PORT": str(free_port())},
        {**right[0], "DB_NAME": "nothing"},
        {"DATABASE_URL": "postgresql://collector:planted%zz@h/d"},
        {"DATABASE_URL": "postgresql://collector:planted\u2100x@h/d"},
        {"DATABASE_URL": "postgresql://collector:planted-1@h/d?nonsense=1"},
        {**right[0], "DB_PASS": "planted\ntwo"},
        {**right[0], "API_KEY": "planted-caf\u00e9"},
        {**right[0], "DASHBOARD_TOKEN": "planted-short"},
    ]


def test_every_command_is_looked_at() -> None:
    assert set(WHICH) == set(COMMANDS)


@pytest.mark.parametrize("name", [name for name, each in WHICH.items() if each])
def test_no_command_tells_a_secret(name: str, gept: Gept, server: Server) -> None:
    gept.environ |= SECRETS
    for environ in ways(server, PASSWORD):
        for command in WHICH[name]:
            done = gept(*command, **environ)
            assert PLANTED not in done.stdout + done.stderr, command
            assert done.stdout + done.stderr, command


def test_no_fault_tells_a_secret(gept: Gept, server: Server) -> None:
    gept.environ |= SECRETS
    for environ in wrong(server):
        for command in (["db", "migrate"], ["settings"], ["doctor"]):
            done = gept(*command, **environ)
            assert PLANTED not in done.stdout + done.stderr, (environ, command)
            assert "Traceback" not in done.stderr, (environ, command)


class Watch:
    """Looks at the command lines of all processes, and at what the children of gept are given."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self.seen: set[str] = set()
        self._stop = Event()
        self._thread = Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.01):
            for process in Path("/proc").glob("[0-9]*"):
                self._look(process)

    def _look(self, process: Path) -> None:
        try:
            line = (
                (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            )
        except OSError:
            return
        self.seen.add(line.split(" ")[0].rsplit("/", 1)[-1])
        if PLANTED in line:
            self.found.add(line)


def test_no_process_list_shows_a_secret(gept: Gept, server: Server) -> None:
    gept.environ |= SECRETS
    with Watch() as watch:
        for environ in ways(server, PASSWORD):
            assert gept("db", "shell", "-c", "SELECT 1", **environ).returncode == 0
        assert gept("once", "players").returncode == 0

    assert {"psql", "postgres", "initdb"} <= watch.seen
    assert watch.found == set()


def children(process: int) -> Iterator[Path]:
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if f"\nPPid:\t{process}\n" in (each / "status").read_text():
                yield each
        except OSError:
            continue


def test_pages_metrics_logs_and_files_hold_no_secret(
    gept: Gept, upstream: Services, server: Server, tmp_path: Path, port: int
) -> None:
    gept.environ |= {**SECRETS, "GEPT_PLAYERS_INTERVAL": "10s"}
    environ = ways(server, PASSWORD)[0]
    gept.start("up", **environ)
    until(lambda: get(port, "/health")[0] == 200)
    with psycopg.connect(server.url("osrs_data"), autocommit=True) as connection:
        connection.execute("ALTER ROLE collector PASSWORD 'planted-two'")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'collector'"
        )
        until(lambda: list((tmp_path / "data" / "spool").glob("*.tape")))
        until(lambda: "password authentication failed" in get(port, "/health")[1])
        kept: list[Any] = connection.execute("SELECT * FROM ledger").fetchall()
        kept += connection.execute("SELECT * FROM processes").fetchall()

    paths = ("/", "/api/status", "/health", "/livez", "/readyz", "/metrics", "/nothing", "/login")
    shown = "".join(get(port, path)[1] for path in paths) + with_token(port)
    assert "metrics_read_at" in shown
    assert "price_data_5min" in shown
    assert PLANTED not in shown
    assert PLANTED not in str(kept)
    assert KEY in {(each.authorization or "").removeprefix("Bearer ") for each in upstream.asked}
    for file in (tmp_path / "data").rglob("*"):
        assert not file.is_file() or PLANTED.encode() not in file.read_bytes(), file
    assert PLANTED not in gept.log.read_text()


def with_token(port: int) -> str:
    """Return what a program sees that has the token."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/api/status", headers={"Authorization": f"Bearer {TOKEN}"})
    said = connection.getresponse().read().decode()
    connection.close()
    return said


def test_the_server_that_gept_starts_is_not_given_its_secrets(
    gept: Gept, tmp_path: Path, port: int
) -> None:
    process = gept.start("up", **SECRETS)
    until(lambda: get(port, "/readyz")[0] == 200)
    found = [
        each for each in children(process.pid) if b"postgres" in (each / "cmdline").read_bytes()
    ]

    assert len(found) == 1
    assert PLANTED.encode() not in (found[0] / "environ").read_bytes()
