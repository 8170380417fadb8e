"""Each check of ``gept doctor`` that asks the database, well once and failing once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from conftest import NOW, Clock

from gept.doctor import Finding, Level, Subject, data, examine
from gept.doctor.server import role
from gept.model import Collector
from gept.settings import load
from gept.store import Process, Store
from gept.store.layouts.state import Failure, Policy, Size, State
from gept.store.layouts.timescale import Extension
from gept.store.schema.migrate import shipped

Query = Callable[..., list[Any]]


@pytest.fixture
def subject(
    store: Store, address: str, collectors: dict[str, Collector], tmp_path: Path
) -> Subject:
    settings = load({"DATABASE_URL": address, "DATA_DIR": str(tmp_path)}, tmp_path)
    chosen = list(collectors.values())
    return Subject(settings, chosen, {}, tmp_path, lambda: NOW, address, store)


def worst(subject: Subject, check: Any) -> Finding:
    order = [Level.OK, Level.WARNING, Level.FAILURE]
    found: list[Finding] = list(check(subject))
    return max(found, key=lambda each: order.index(each.level))


def test_an_examination_changes_nothing(subject: Subject, query: Query) -> None:
    tables = "SELECT count(*) FROM pg_class"
    before = query(tables)

    names = {each.name for each in examine(subject)}

    assert names >= {"migrations", "compression", "retention", "partitions", "processes", "gaps"}
    assert query(tables) == before
    assert query("SELECT (SELECT count(*) FROM ledger), (SELECT count(*) FROM processes)") == [
        (0, 0)
    ]


def test_a_schema_that_is_older_or_newer_fails(subject: Subject, query: Query) -> None:
    assert worst(subject, data.migrations).level is Level.OK
    query("DELETE FROM schema_migrations WHERE number = 10")
    assert (
        f"1 of {len(shipped())} are not applied, first migration 10"
        in worst(subject, data.migrations).seen
    )
    query(
        "INSERT INTO schema_migrations (set, number, name, checksum) VALUES ('gept', 99, 'x', 'y')"
    )

    found = worst(subject, data.migrations)
    assert found.level is Level.FAILURE
    assert "migrated by a newer gept" in found.seen


def test_a_superuser_is_told(subject: Subject) -> None:
    assert "postgres is a superuser" in worst(subject, role).seen


def test_missing_partitions_are_told(
    subject: Subject, store: Store, collectors: dict[str, Collector]
) -> None:
    assert "price_data_5min" in worst(subject, data.partitions).seen
    for each in collectors.values():
        store.begin(each, NOW, NOW)

    assert worst(subject, data.partitions).level is Level.OK
    later = replace(subject, now=lambda: NOW + timedelta(weeks=4))
    assert worst(later, data.partitions).level is Level.WARNING


def test_missing_ticks_are_told(
    subject: Subject, store: Store, collectors: dict[str, Collector], clock: Clock
) -> None:
    assert worst(subject, data.gaps).level is Level.OK
    store.begin(collectors["5m"], NOW - timedelta(hours=1), NOW)

    assert worst(subject, data.gaps).seen.startswith("5m: 9 ticks of")


def test_collectors_that_nobody_follows_fail(
    subject: Subject, store: Store, collectors: dict[str, Collector]
) -> None:
    names = [each for each in collectors if each != "news"]
    process = Process(uuid4(), "host", 7, "0", NOW, NOW, names, [], {}, 0)
    store.beat(process)
    assert worst(replace(subject), data.processes).seen == "nobody collects news"
    store.beat(replace(process, id=uuid4(), collectors=["news"]))

    assert worst(replace(subject), data.processes).level is Level.OK
    old = replace(subject, now=lambda: NOW + timedelta(minutes=2))
    assert worst(old, data.processes).level is Level.FAILURE


WITHOUT = Extension(None, None, preloaded=False, permitted=False, license=None)
WITH = Extension("2.28.3", "2.28.3", preloaded=True, permitted=True, license="timescale")
CLOSED = Size("prices_1h", "hypertable", None, 4096, 2, closed=1)
BIG = ("price_data_5min", "prices_1h", "prices_latest_1m")
POLICIES = tuple(
    Policy(name, "compression", timedelta(days=14), None, None, None, 0, overdue=False)
    for name in BIG
)


@pytest.mark.parametrize(
    ("found", "level"),
    [
        (State(WITHOUT, ()), Level.OK),
        (State(replace(WITH, installed=None), ()), Level.WARNING),
        (State(replace(WITH, license="apache"), ()), Level.WARNING),
        (State(replace(WITH, license="apache"), (CLOSED,)), Level.FAILURE),
        (State(replace(WITH, installed=None, preloaded=False), ()), Level.WARNING),
        (State(replace(WITH, preloaded=False), ()), Level.FAILURE),
        (State(WITH, (), POLICIES), Level.OK),
        (State(WITH, (), POLICIES[1:]), Level.WARNING),
        (State(WITH, (), (replace(POLICIES[0], overdue=True), *POLICIES[1:])), Level.FAILURE),
        (State(WITH, (), POLICIES, (Failure("prices_1h", "x", None, "disk"),)), Level.FAILURE),
    ],
)
def test_compression_is_as_the_server_can(
    found: State, level: Level, subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "state", lambda _: found)

    assert worst(subject, data.compression).level is level


def test_a_retention_policy_is_told(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    assert worst(subject, data.retention).seen.startswith("off: nothing is deleted by age")
    policies = (replace(POLICIES[0], what="retention", after=timedelta(days=90)),)
    monkeypatch.setattr(data, "state", lambda _: State(WITH, (), policies))

    seen = worst(subject, data.retention).seen
    assert seen == "price_data_5min: what is older than 90 days is deleted"
