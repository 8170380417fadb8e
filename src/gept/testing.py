"""The contract of every collector, for tests of packages that offer one. Needs pytest.

    from gept.testing import CollectorContract, gept_database  # noqa: F401

    class TestVolumes(CollectorContract):
        collector = COLLECTOR

        def answer(self, request):
            return Path("tests/payloads/volumes.json").read_bytes()

``gept_database`` gives the address of a fresh, migrated database on a PostgreSQL of its own.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import ClassVar

import psycopg
import pytest

from .declaration import faults
from .errors import GeptError
from .model import Collector, Counts, Decoded, Request, Response, Status, Tick
from .store import Database, Entry, Server, Store
from .store.schema import tables
from .store.schema.migrate import migrate

NO_ANSWERS = (b"", b"null", b"[]", b"{}", b"<!doctype html><p>Maintenance", b"\xff", b"[" * 10_000)


@pytest.fixture(scope="session")
def gept_server() -> Iterator[Server]:
    """Run a PostgreSQL for the session."""
    with TemporaryDirectory(prefix="gept-") as folder:
        server = Server(Path(folder), None, Event().wait)
        server.ensure()
        yield server
        server.stop()


@pytest.fixture
def gept_database(gept_server: Server) -> str:
    """Give the address of an empty database."""
    with psycopg.connect(gept_server.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS gept_contract WITH (FORCE)")
        connection.execute("CREATE DATABASE gept_contract")
    return gept_server.url("gept_contract")


class CollectorContract(ABC):
    """What a collector promises. Set ``collector``, and give a true ``answer`` to its requests."""

    collector: ClassVar[Collector]
    now: ClassVar[datetime] = datetime(2026, 11, 22, 12, 31, 20, tzinfo=UTC)

    @abstractmethod
    def answer(self, request: Request) -> bytes:
        """Return what the source would answer at the newest tick before ``now``."""

    @property
    def tick(self) -> Tick:
        """The newest tick."""
        return Tick(self.collector.schedule.newest(self.now))

    def decoded(self) -> Decoded:
        """Return what all the answers of a tick hold."""
        rows, rejected, drift = [], [], []
        for request in self.collector.requests(self.tick):
            part = self.collector.decode(
                Response(request, self.answer(request), self.now), self.tick
            )
            rows += part.rows
            rejected += part.rejected
            drift += part.drift
        return Decoded(rows, rejected, drift=drift)

    def store(self, address: str) -> Iterator[Store]:
        """Give a store on a database with the collector's tables."""
        sets = {self.collector.name: self.collector.migrations}
        migrate(address, {name: package for name, package in sets.items() if package})
        database = Database(address)
        database.open()
        yield Store(database)
        database.close()

    def test_it_is_declared_well_and_tells_about_itself(self) -> None:
        """Its values make names, metrics and settings; its parts are documented."""
        assert faults(self.collector) == []
        assert inspect.getdoc(self.collector.table.record)
        assert inspect.getdoc(self.collector.requests)
        assert inspect.getdoc(self.collector.decode)

    def test_it_asks_its_own_source_first_and_only_for_what_the_tick_says(self) -> None:
        """The same tick makes the same requests."""
        requests = list(self.collector.requests(self.tick))

        assert requests[0].source is self.collector.source
        assert requests == list(self.collector.requests(self.tick))

    def test_it_is_stale_only_after_a_tick_was_missed(self) -> None:
        """A tick may be some minutes late."""
        following = self.collector.schedule.due(self.collector.schedule.following(self.tick.at))

        assert self.collector.stale_at(self.tick.at) - following >= timedelta(minutes=4)

    def test_a_true_answer_gives_rows_of_its_table(self) -> None:
        """Every row has a value for each column, none is rejected, and every field is known."""
        decoded = self.decoded()

        assert decoded.rows
        assert decoded.rejected == []
        assert decoded.drift == []
        assert {len(row) for row in decoded.rows} == {len(self.collector.table.columns)}

    def test_what_is_no_answer_is_told_by_name(self) -> None:
        """No row comes of it, and no error but gept's own."""
        for request in self.collector.requests(self.tick):
            for body in NO_ANSWERS:
                with pytest.raises(GeptError):
                    self.collector.decode(Response(request, body, self.now), self.tick)

    def test_its_tables_are_there_with_its_columns_and_its_key(self, gept_database: str) -> None:
        """The migrations make what the declaration names."""
        for _ in self.store(gept_database):
            assert tables.faults(gept_database, self.collector) == []

    def test_a_tick_written_twice_changes_nothing_the_second_time(self, gept_database: str) -> None:
        """The effect of a tick is exactly once."""
        decoded = self.decoded()
        entry = Entry(self.collector.name, self.tick.at, Status.DONE, self.now, self.now)
        for store in self.store(gept_database):
            first = store.commit(self.collector, decoded, entry)
            again = store.commit(self.collector, decoded, entry)

        assert first is not None
        assert first[0].inserted == len({self._key(row) for row in decoded.rows})
        assert (again or (Counts(), False))[0].changed == 0

    def _key(self, row: tuple[object, ...]) -> tuple[object, ...]:
        columns = self.collector.table.columns
        return tuple(row[columns.index(name)] for name in self.collector.table.key)
