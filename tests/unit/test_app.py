"""What the settings make of the collectors."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any
from unittest.mock import Mock

import pytest

from gept import app
from gept.app.following import Following
from gept.app.parts import Parts, Pulse
from gept.collectors import latest
from gept.errors import SettingsError, StoreAway, StoreBroken, UsageError
from gept.settings import Settings, load
from gept.web import Ports, take
from gept.web.plain import PlainServer

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"DATA_DIR": str(tmp_path)}, tmp_path)


def test_each_installation_asks_at_its_own_second(settings: Settings) -> None:
    many = [replace(settings, contact=f"user {n}") for n in range(200)]
    delays = [app.chosen(["latest"], each)[0].schedule.delay for each in many]

    assert len(set(delays)) > 190
    assert timedelta(0) <= min(delays) < timedelta(seconds=1)
    assert timedelta(seconds=2) < max(delays) <= timedelta(seconds=3)
    assert app.chosen(["latest"], many[0])[0].schedule.delay == delays[0]


def test_buckets_are_asked_for_soon_after_their_publication(settings: Settings) -> None:
    many = [replace(settings, contact=f"user {n}") for n in range(50)]

    for name, length in (("5m", timedelta(minutes=5)), ("hourly", timedelta(hours=1))):
        delays = [app.chosen([name], each)[0].schedule.delay - length for each in many]
        assert timedelta(seconds=12) <= min(delays)
        assert max(delays) <= timedelta(seconds=14)


def test_an_interval_is_for_one_collector_of_the_present(tmp_path: Path) -> None:
    environ = {"COLLECTION_INTERVAL": "120", "GEPT_PLAYERS_INTERVAL": "30"}
    settings = load(environ, tmp_path)

    def interval(*names: str) -> list[float]:
        return [each.schedule.interval.total_seconds() for each in app.chosen(names, settings)]

    assert interval("latest") == [120]
    assert interval("players") == [30]
    assert interval("5m") == [300]
    assert interval("latest", "players") == [60, 30]
    assert interval("latest", "latest") == [120]


def test_ports(tmp_path: Path) -> None:
    settings = load({"GEPT_5M_PORT": "9200", "METRICS_PORT": "9300"}, tmp_path)
    one, two = app.chosen(["5m"], settings), app.chosen(["5m", "hourly"], settings)

    assert app.ports(one, settings) == {"METRICS_PORT": 9300}
    assert list(app.ports(two, settings).values()) == [9200, 9101]


def test_a_taken_port_is_told_by_its_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = load({"GEPT_5M_PORT": str(port), "METRICS_PORT": "9110"}, tmp_path)
        both = app.ports(app.chosen(["5m", "hourly"], settings), settings)

        with pytest.raises(SettingsError) as caught:
            take("127.0.0.1", both)

    told = "GEPT_5M_PORT (METRICS_PORT holds for `gept collect` with one name only): 127.0.0.1:"
    assert str(caught.value).startswith(f"{told}{port} is taken by another program")
    assert list(
        app.ports(app.chosen(["5m", "hourly"], load({}, tmp_path)), load({}, tmp_path))
    ) == [
        "GEPT_5M_PORT",
        "GEPT_HOURLY_PORT",
    ]


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there are 5m, hourly"):
        app.chosen(["6m"], load({}, tmp_path))
    with pytest.raises(SettingsError, match="did you mean GEPT_LATEST_INTERVAL"):
        app.chosen([], load({"GEPT_LATESTS_INTERVAL": "60"}, tmp_path))


def test_the_interval_of_a_bucket_is_the_sources(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        app.chosen([], load({"GEPT_5M_INTERVAL": "60"}, tmp_path))

    assert str(caught.value) == (
        "GEPT_5M_INTERVAL: '60s' cannot be set: the buckets of 5m are the source's, one each 300 s; "
        "remove it"
    )


class Web(PlainServer):
    """Ports that are served."""

    alive = True

    def __init__(self) -> None:
        """Serve none."""


@pytest.fixture
def following(settings: Settings) -> Following:
    following = Following(settings, [], Ports(()), Event())
    following.web = Web()
    return following


def test_it_lives_while_each_thread_does(following: Following) -> None:
    over = Event()
    one, other = Thread(target=over.wait), Thread(target=over.wait)
    following.threads = [one, other]
    one.start()
    assert not following.lives
    other.start()
    assert following.lives

    over.set()
    one.join()
    other.join()
    assert not following.lives


def test_connections_grow_with_the_collectors_within_bounds() -> None:
    assert [app.connections(collectors) for collectors in (1, 6, 40)] == [8, 16, 32]


def test_a_start_that_waits_for_the_database_keeps_why(
    following: Following, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        following.stop.set()
        raise StoreAway("the database is starting up")

    monkeypatch.setattr("gept.app.service.prepare", away)
    monkeypatch.setattr("gept.app.following.now", lambda: NOON + timedelta(seconds=20))
    following.collectors = [latest.COLLECTOR]
    assert not following._await_database(None)

    spans = app.outages(settings).spans(latest.COLLECTOR, NOON)
    assert list(spans) == [(NOON, NOON + timedelta(minutes=1), "the database is starting up")]


def test_it_does_not_live_without_its_pages(following: Following) -> None:
    assert following.lives
    following.web.alive = False  # type: ignore[misc]

    assert not following.lives


def test_it_does_not_live_when_nobody_looks_any_more(following: Following) -> None:
    seconds = [1000.0]
    following.pulse = Pulse(lambda: seconds[0])
    seconds[0] += 599
    assert following.lives
    seconds[0] += 1
    assert not following.lives

    following.pulse.beat()
    assert following.lives


def test_a_shared_spool_knows_what_the_answers_of_others_are_worth(settings: Settings) -> None:
    worth = app.spool(settings)._worth

    assert worth["latest"] > worth["players"] > worth["news"] > worth["items"]


def test_repair_outlives_a_database_that_a_person_must_mend(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("gept.app.parts.MENDING", 0.0)
    faults, stop = [StoreBroken("permission denied for table ledger")], Event()

    def job(stop: Event) -> None:
        if faults:
            raise faults.pop()
        stop.set()

    parts = Mock(spec=Parts, repairs=[Mock(follow=job)], collectors=[])
    with caplog.at_level("INFO"):
        Parts.jobs(parts, stop)["repair 0"]()

    assert stop.is_set()
    [told] = [each for each in caplog.records if each.getMessage() == "repair waits"]
    assert "permission denied" in str(told.__dict__)
