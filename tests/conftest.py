"""A real PostgreSQL, migrated once and cloned for each test; the services on loopback."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any, LiteralString

import psycopg
import pytest
from services import Services

from gept.events import Event as Happening
from gept.events import tell
from gept.jobs.live import Live
from gept.jobs.stops import Stops
from gept.model import Collector
from gept.runner.runner import Runner
from gept.settings import Settings, load
from gept.spool.spool import Spool
from gept.store import Database, Store
from gept.store import Server as PostgreSQL
from gept.store.embedded import account, folders
from gept.store.schema.migrate import migrate
from gept.upstream import Upstream, client

NOW = datetime(2026, 11, 22, 12, 31, 20, tzinfo=UTC)
numbers = count()


def reachable(folder: Path) -> Path:
    """Let the embedded server's user enter a folder, where root has to run it as another."""
    if account.choose().owner != os.geteuid():
        for each in (folder, *folder.parents):
            if each.is_relative_to(tempfile.gettempdir()) and each.stat().st_uid == os.geteuid():
                each.chmod(each.stat().st_mode | 0o011)
    return folder


@pytest.fixture(autouse=True)
def reachable_tmp_path(tmp_path: Path) -> Iterator[None]:
    """Let the embedded server's user enter the test's own folder.

    Servers that a test has killed leave the folders of their sockets, which are not below it.
    """
    reachable(tmp_path)
    yield
    for depth in ("", "*/", "*/*/"):
        for folder in tmp_path.glob(f"{depth}postgresql"):
            folders.remove_socket(folders.of_socket(folder), folder)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """Run a server for the session; GEPT_TEST_PG_BINDIR names another installation."""
    bindir = os.environ.get("GEPT_TEST_PG_BINDIR")
    server = PostgreSQL(
        tmp_path_factory.mktemp("pg"), Path(bindir) if bindir else None, Event().wait
    )
    server.ensure()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def template(postgres: PostgreSQL) -> str:
    """Make the migrated database that each test's own is a copy of."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE gept_template")
    migrate(postgres.url("gept_template"))
    return "gept_template"


@pytest.fixture
def address(postgres: PostgreSQL, template: str) -> str:
    """Give the address of a database of the test's own."""
    name: LiteralString = "gept_test"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name} TEMPLATE gept_template")
    return postgres.url(name)


@pytest.fixture
def database(address: str) -> Iterator[Database]:
    """Give an open database."""
    database = Database(address)
    database.open()
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> Store:
    """Give a store."""
    return Store(database)


@pytest.fixture
def query(address: str) -> Iterator[Callable[..., list[Any]]]:
    """Give a function that asks the database anything."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")

        def ask(text: LiteralString, *values: Any) -> list[Any]:
            cursor = connection.execute(text, values)
            return cursor.fetchall() if cursor.description else []

        yield ask


@pytest.fixture
def upstream() -> Iterator[Services]:
    """Serve the public services on loopback."""
    services = Services()
    thread = services.start()
    yield services
    services.stop()
    thread.join()


@dataclass
class Clock:
    """A clock that a test moves."""

    at: datetime = NOW

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **length: float) -> None:
        """Let time pass."""
        self.at += timedelta(**length)


@pytest.fixture
def clock(upstream: Services) -> Clock:
    """Give a clock that gept and the services share."""
    clock = Clock()
    upstream.now = lambda: clock.at.timestamp()
    return clock


@pytest.fixture
def settings(upstream: Services, tmp_path: Path) -> Settings:
    """Give settings that name the services."""
    return load({**upstream.environ(), "DATA_DIR": str(tmp_path), "GEPT_PACE": "0.1"}, tmp_path)


@dataclass
class Machine:
    """A runner with all that it needs, and what happened."""

    runner: Runner
    store: Store
    clock: Clock
    happened: list[Happening] = field(default_factory=list)

    def run(self, collector: Collector, at: datetime | None = None) -> Any:
        """Run a tick, the newest one unless one is named."""
        return self.runner.run(collector, at or collector.schedule.newest(self.clock()))


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pauses between two tries pass at once."""
    monkeypatch.setattr(Upstream, "_told_to_stop", lambda self, pause: self._stop.is_set())


@pytest.fixture
def machine(store: Store, settings: Settings, clock: Clock, no_pauses: None) -> Iterator[Machine]:
    """Put a runner together on a real database and the services on loopback."""
    happened: list[Happening] = []
    with client(settings) as http:
        source = Upstream(http, settings, happened.append, Event(), clock)
        runner = Runner(source, store, happened.append, clock, timedelta(days=7))
        yield Machine(runner, store, clock, happened)


@dataclass
class Alone:
    """Leads every collector, or none."""

    leading: bool = True

    def leads(self, collector: str) -> bool:
        """Tell whether it leads."""
        return self.leading


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """Give a spool with room for all."""
    return Spool(tmp_path / "spool", 50_000_000, {"latest": 4, "players": 3})


@pytest.fixture
def live(machine: Machine, spool: Spool) -> Live:
    """Give the loop of collectors that this process leads alone."""
    runner, store = machine.runner, machine.store
    runner._spool = spool
    stops = Stops(machine.clock)
    runner._observe = observe = tell(machine.happened.append, stops)
    return Live(runner, store, spool, Alone(), stops, observe, machine.clock)


@pytest.fixture
def collectors() -> dict[str, Collector]:
    """Give every collector by name."""
    from gept.collectors import load_all

    return load_all()
