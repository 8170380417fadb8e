"""Each check of ``gept doctor`` that needs no database, well once and failing once."""

from __future__ import annotations

import json
import resource
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from backups import make
from certificates import make as make_certificate
from services import Services
from stand import NOW, TOKEN, Stand

from gept.backup.folder import judge
from gept.doctor import (
    CHECKS,
    Finding,
    Level,
    Subject,
    credentials,
    examine,
    machine,
    others,
    probe,
    running,
)
from gept.doctor import server as servers
from gept.doctor.probe import Answer
from gept.errors import StoreAway
from gept.model import Collector
from gept.settings import load
from gept.store.survey import SETTINGS, Survey
from gept.tls.expiry import end_of

GIB = 2**30
WELL = Survey(
    180006,
    NOW,
    "gept_writer",
    False,
    False,
    False,
    3,
    None,
    [],
    {
        **dict.fromkeys(SETTINGS, "on"),
        "max_connections": "100",
        "superuser_reserved_connections": "3",
        "shared_buffers": "1GB",
        "idle_session_timeout": "0",
        "transaction_timeout": "0",
    },
)


@pytest.fixture
def subject(collectors: dict[str, Collector], tmp_path: Path) -> Subject:
    """Give an installation of which nothing runs."""
    return examined(tmp_path, collectors, {})


def examined(folder: Path, collectors: dict[str, Collector], environ: dict[str, str]) -> Subject:
    environ = {"DATA_DIR": str(folder / "data"), "GEPT_CONTACT": "me", **environ}
    chosen = list(collectors.values())
    return Subject(load(environ, folder), chosen, environ, folder, lambda: NOW, proc=folder)


def told(subject: Subject, check: Any, **known: Any) -> list[Finding]:
    """Return what a check finds; ``known`` is what was asked for already."""
    subject.__dict__.update(known)
    return list(check(subject))


def worst(subject: Subject, check: Any, **known: Any) -> Finding:
    order = [Level.OK, Level.WARNING, Level.FAILURE]
    found = told(subject, check, **known)
    assert all((each.remedy is None) == (each.level is Level.OK) for each in found)
    return max(found, key=lambda each: order.index(each.level))


def test_each_check_tells_something_of_an_installation_of_which_nothing_runs(
    subject: Subject,
) -> None:
    found = list(examine(subject))

    assert {each.name for each in found} >= {"environment", "database", "backup", "disk", "spool"}
    assert [each for each in found if each.level is Level.FAILURE] == []
    assert len({check.__name__ for check in CHECKS}) == len(CHECKS)


def test_without_contact_the_environment_is_not_complete(
    subject: Subject, tmp_path: Path, collectors: dict[str, Collector]
) -> None:
    assert worst(subject, credentials.environment).level is Level.OK
    other = examined(tmp_path, collectors, {"GEPT_CONTACT": ""})

    assert "GEPT_CONTACT is not set" in worst(other, credentials.environment).seen


def test_a_guessed_password_fails_and_is_not_shown(
    tmp_path: Path, collectors: dict[str, Collector]
) -> None:
    other = examined(tmp_path, collectors, {"DB_HOST": "h", "DB_PASS": "your_password"})
    address = {"DATABASE_URL": "postgresql://u:change%20me@h/d"}
    url = examined(tmp_path, collectors, address)

    for each, name in ((other, "DB_PASS"), (url, "DATABASE_URL")):
        found = told(each, credentials.credentials)
        assert [one.level for one in found] == [Level.FAILURE, Level.WARNING]
        assert found[0].seen.startswith(f"{name}: its value (not shown)")
        assert "your_password" not in str(found)
        assert "change" not in str(found)
        assert found[1].seen.endswith(name)


def test_a_secret_that_others_can_read_fails(
    tmp_path: Path, collectors: dict[str, Collector]
) -> None:
    file = tmp_path / "key"
    file.write_text("long and good")
    file.chmod(0o600)
    other = examined(tmp_path, collectors, {"API_KEY_FILE": str(file)})
    assert worst(other, credentials.credentials).level is Level.OK

    file.chmod(0o644)
    assert f"{file} has the mode 644" in worst(other, credentials.credentials).seen
    file.chmod(0o600)
    (tmp_path / ".env").write_text("")
    (tmp_path / ".env").chmod(0o664)
    assert worst(other, credentials.credentials).level is Level.FAILURE


def test_a_dotenv_without_a_secret_may_be_read(
    tmp_path: Path, collectors: dict[str, Collector]
) -> None:
    file = tmp_path / ".env"
    file.write_text("GEPT_CONTACT=you@example.org\n")
    file.chmod(0o644)
    other = examined(tmp_path, collectors, {})
    assert worst(other, credentials.credentials).level is Level.OK

    file.write_text("API_KEY=long-and-good\n")
    assert f"{file} has the mode 644" in worst(other, credentials.credentials).seen


@pytest.mark.parametrize(
    ("check", "fault", "level", "seen"),
    [
        ("version", {"version": 130004}, Level.FAILURE, "PostgreSQL 13.4"),
        ("durability", {"fsync": "off"}, Level.FAILURE, "fsync is off"),
        ("durability", {"full_page_writes": "off"}, Level.FAILURE, "full_page_writes is off"),
        ("durability", {"autovacuum": "off"}, Level.FAILURE, "autovacuum is off"),
        ("durability", {"synchronous_commit": "off"}, Level.WARNING, "synchronous_commit is off"),
        ("connections", {"connections": 88}, Level.WARNING, "88 of 97 connections"),
        ("limits", {"idle_session_timeout": "5min"}, Level.WARNING, "idle_session_timeout is 5min"),
        ("memory", {"shared_buffers": "16MB"}, Level.WARNING, "shared_buffers is 16MB"),
        ("role", {"superuser": True}, Level.WARNING, "gept_writer is a superuser"),
        ("role", {"makes_tables": True}, Level.WARNING, "may change the schema"),
        ("role", {"not_written": ["items"]}, Level.WARNING, "may not write items"),
        ("clock", {"clock": NOW - timedelta(seconds=7)}, Level.FAILURE, "7 s ahead of"),
        ("clock", {"clock": NOW + timedelta(seconds=7)}, Level.FAILURE, "7 s behind"),
    ],
)
def test_each_fault_of_a_server_is_found(
    check: str,
    fault: dict[str, Any],
    level: Level,
    seen: str,
    tmp_path: Path,
    collectors: dict[str, Collector],
) -> None:
    other = examined(tmp_path, collectors, {"DB_HOST": "127.0.0.1"})
    look = getattr(servers, check)
    assert worst(other, look, database=WELL).level is Level.OK

    fields = {name: value for name, value in fault.items() if name not in SETTINGS}
    settings = {name: value for name, value in fault.items() if name in SETTINGS}
    ill = replace(WELL, **fields, settings={**WELL.settings, **settings})

    found = worst(other, look, database=ill)
    assert found.level is level
    assert seen in found.seen


def test_the_way_to_another_machine_is_to_be_encrypted(subject: Subject) -> None:
    here, there = replace(subject, where="host=/run/pg"), replace(subject, where="host=db.example")

    assert worst(here, servers.encryption, database=WELL).level is Level.OK
    assert worst(there, servers.encryption, database=WELL).level is Level.FAILURE
    encrypted = replace(WELL, encrypted=True)
    assert worst(there, servers.encryption, database=encrypted).level is Level.OK


def test_a_database_that_is_away_is_one_failure(subject: Subject) -> None:
    away = replace(subject, where="host=db.example")
    away.__dict__["database"] = StoreAway("the database cannot be reached: gone")

    found = [each for each in examine(away) if each.level is Level.FAILURE]

    assert [each.seen for each in found] == ["the database cannot be reached: gone"]


def test_health_and_scraping_are_those_of_each_port(subject: Subject) -> None:
    at = NOW - timedelta(minutes=1)
    well = {8080: Answer(200, {"reasons": [], "metrics_read_at": at.isoformat()})}
    ill = {8080: Answer(503, {"reasons": ["5m: no good tick yet"]})}
    late = {8080: Answer(200, {"metrics_read_at": (NOW - timedelta(hours=1)).isoformat()})}

    assert worst(subject, running.health, answers={}).level is Level.WARNING
    assert worst(subject, running.scraping, answers={}).level is Level.WARNING
    assert worst(subject, running.health, answers=well).level is Level.OK
    assert worst(subject, running.scraping, answers=well).level is Level.OK
    assert worst(subject, running.health, answers=ill).seen == "port 8080: 5m: no good tick yet"
    assert "nobody has read" in worst(subject, running.scraping, answers=ill).seen
    assert (
        "was last read at 2026-11-22T11:31" in worst(subject, running.scraping, answers=late).seen
    )


@pytest.fixture
def stand(collectors: dict[str, Collector]) -> Iterator[Stand]:
    with Stand(list(collectors.values()), token=TOKEN.replace(" ", "-")) as stand:
        yield stand


def test_the_port_of_one_collector_is_asked_where_it_was_set(
    stand: Stand, tmp_path: Path, collectors: dict[str, Collector]
) -> None:
    settings = load({"METRICS_PORT": str(stand.port), "DASHBOARD_PORT": "1"}, tmp_path)

    assert stand.port in probe.answers(settings, [])


def test_the_dashboard_is_asked_with_its_token(
    stand: Stand, tmp_path: Path, collectors: dict[str, Collector]
) -> None:
    def asked(token: str) -> Finding:
        environ = {"DASHBOARD_PORT": str(stand.port), "DASHBOARD_TOKEN": token}
        return worst(examined(tmp_path, collectors, environ), running.dashboard)

    assert asked(TOKEN.replace(" ", "-")).level is Level.OK
    assert asked("another-token-of-length").seen.endswith("HTTP 401")
    stand.get("/metrics")
    at = stand.get("/health")[2]
    assert json.loads(at)["metrics_read_at"] == NOW.isoformat()


def test_ports_that_others_reach_want_a_firewall(
    subject: Subject, tmp_path: Path, collectors: dict[str, Collector]
) -> None:
    wide = examined(tmp_path, collectors, {"BIND_ADDRESS": "0.0.0.0", "DASHBOARD_OPEN": "1"})

    assert worst(subject, running.firewall).level is Level.OK
    assert "8080, 9100, 9101" in worst(wide, running.firewall).seen
    assert "open to whoever" in told(wide, running.dashboard, answers={})[0].seen


def process(folder: Path, output: Path, group: str) -> int:
    """Make what the system tells of a process."""
    (folder / "7" / "fd").mkdir(parents=True, exist_ok=True)
    (folder / "7" / "fd" / "2").unlink(missing_ok=True)
    (folder / "7" / "fd" / "2").symlink_to(output)
    (folder / "7" / "cgroup").write_text(group)
    return 7


def test_who_keeps_the_log_and_the_process_is_found(subject: Subject, tmp_path: Path) -> None:
    file = tmp_path / "gept.log"
    file.write_text("")
    by_hand = process(tmp_path, file, "0::/user.slice/user-1.slice/session-1.scope\n")
    assert "only grows" in worst(subject, running.logs, local=[by_hand]).seen
    assert worst(subject, running.service, local=[by_hand]).level is Level.WARNING

    process(tmp_path, Path("/dev/null"), "0::/system.slice/gept.service\n")
    assert worst(subject, running.logs).level is Level.FAILURE
    assert worst(subject, running.service).seen == "process 7 is kept by systemd (gept.service)"

    process(tmp_path, tmp_path, "0::/system.slice/docker-1234.scope\n")
    assert worst(subject, running.logs).level is Level.OK
    assert "container" in worst(subject, running.service).seen


class Usage(NamedTuple):
    """Room on a disk."""

    total: int
    used: int
    free: int


@pytest.mark.parametrize(
    ("free", "level"), [(20 * GIB, Level.OK), (9 * GIB, Level.WARNING), (GIB - 1, Level.FAILURE)]
)
def test_a_disk_that_fills_is_told(
    free: int, level: Level, subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100 * GIB, 0, free))

    assert worst(subject, machine.disk).level is level


def test_the_disk_of_another_machine_is_not_known(subject: Subject) -> None:
    settings = replace(subject.settings, db_host="db.example")
    other = replace(subject, settings=settings, where="host=db.example")

    assert "cannot be seen from here" in told(other, machine.disk, database=WELL)[1].seen


def test_what_waits_in_the_spool_or_lacks_room_is_told(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = subject.settings.folder / "spool"
    (folder / "aside").mkdir(parents=True)
    assert worst(subject, machine.spool).level is Level.OK

    (folder / "latest.20261122T120000Z.tape").write_bytes(b"x")
    (folder / "aside" / "torn").write_bytes(b"x")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(GIB, 0, 2**20))
    seen = [each.seen for each in told(subject, machine.spool)]
    assert seen == [
        "1 MiB are free of the 512 MiB that it may use",
        "1 torn or foreign files were moved aside",
        "1 answers wait for the database",
    ]


def test_a_folder_that_cannot_be_seen_fails_and_is_no_traceback(subject: Subject) -> None:
    subject.settings.folder.mkdir()
    nowhere = replace(subject.settings, data_dir=subject.settings.folder / ("x" * 300))
    other = replace(subject, settings=nowhere)

    assert worst(other, machine.files).seen.endswith("File name too long")
    assert worst(other, machine.files).level is Level.FAILURE
    assert worst(other, machine.spool).level is Level.FAILURE
    assert worst(other, machine.disk).level is Level.OK


def test_a_folder_that_others_can_change_fails(subject: Subject) -> None:
    assert worst(subject, machine.files).level is Level.WARNING
    subject.settings.folder.mkdir(mode=0o700)
    assert worst(subject, machine.files).level is Level.OK
    subject.settings.folder.chmod(0o777)

    assert "has the mode 777" in worst(subject, machine.files).seen


def test_few_file_descriptors_are_told(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))

    assert worst(subject, machine.descriptors).seen == "a process may open 256 files"


RULES = {"data": {"groups": [{"rules": [{"name": "CollectorStale"}, {"name": "GeptDown"}]}]}}
UP = {"labels": {"job": "gept"}, "health": "up", "scrapeUrl": "http://h:8080/metrics"}
DOWN = {**UP, "health": "down", "lastError": "connection refused"}


def test_backups_are_to_be_there_new_sound_and_tried(subject: Subject) -> None:
    folder = subject.settings.backups
    none = worst(subject, others.backup)
    folder.mkdir(parents=True)
    make(folder, NOW - timedelta(days=3))
    old = worst(subject, others.backup)
    new = make(folder, NOW - timedelta(hours=3))
    untried = worst(subject, others.backup)
    judge(new, NOW, [])
    tried = worst(subject, others.backup)
    new.file.write_bytes(b"1")
    cut = worst(subject, others.backup)

    assert "there is none" in none.seen
    assert (old.level, "older than 2 days" in old.seen) == (Level.FAILURE, True)
    assert untried.level is Level.WARNING
    assert "gept backup verify each week, such as by gept-verify.timer" in str(untried.remedy)
    assert tried.level is Level.OK
    assert "1 in" in cut.seen


@pytest.mark.parametrize(
    ("rules", "targets", "seen"),
    [
        (RULES, [UP], ["2 alerts are loaded in http://p:9090"]),
        ({"data": {"groups": []}}, [UP], ["http://p:9090 has no alert CollectorStale"]),
        (
            RULES,
            [DOWN],
            [
                "2 alerts are loaded in http://p:9090",
                "Prometheus cannot read http://h:8080/metrics: connection refused",
            ],
        ),
        (
            RULES,
            [],
            ["2 alerts are loaded in http://p:9090", "Prometheus has no targets of the job gept"],
        ),
        ({}, [], ["http://p:9090 does not answer as Prometheus does: 'data'"]),
    ],
)
def test_prometheus_is_asked_for_its_rules_and_targets(
    rules: Any, targets: Any, seen: list[str], subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_by = {"rules": rules, "targets": {"data": {"activeTargets": targets}}}
    monkeypatch.setattr(
        probe, "json_of", lambda _, path: told_by[path.split("/")[3].partition("?")[0]]
    )
    assert worst(subject, others.alerts).seen.startswith("not known")

    found = told(replace(subject, prometheus="http://p:9090"), others.alerts)

    assert [each.seen for each in found] == seen
    assert [each.level for each in found if "loaded" not in each.seen] == [Level.FAILURE] * (
        len(seen) - ("alerts are loaded" in seen[0])
    )


@pytest.mark.parametrize("url", ["nonsense", "ftp://h", "http://127.0.0.1:1"])
def test_a_wrong_prometheus_is_a_finding(url: str, subject: Subject) -> None:
    found = worst(replace(subject, prometheus=url), others.alerts)

    assert found.level is Level.FAILURE
    assert found.seen.startswith(f"{url} does not answer as Prometheus does: ")


def test_a_password_of_prometheus_is_not_told(subject: Subject) -> None:
    found = worst(replace(subject, prometheus="http://me:hunter2@127.0.0.1:1/p"), others.alerts)

    assert found.seen.startswith("http://127.0.0.1:1/p does not answer")
    assert "hunter2" not in str(found)


def test_the_sources_are_asked_once_and_only_when_wanted(
    upstream: Services, tmp_path: Path, collectors: dict[str, Collector]
) -> None:
    upstream.now = NOW.timestamp
    here = examined(tmp_path, collectors, upstream.environ())
    assert worst(here, others.sources).level is Level.OK
    assert upstream.paths() == []

    asking = replace(here, ask=True)
    assert [each.level for each in told(asking, others.sources)] == [Level.OK] * 3
    assert len(upstream.paths()) == 3
    upstream.fault("/api/v1/osrs", "status:503")
    assert "HTTP 503" in worst(asking, others.sources).seen
    late = replace(asking, now=lambda: NOW + timedelta(seconds=60))
    assert "our clock differs by" in worst(late, others.sources).seen


def test_the_end_of_the_certificate_is_told(
    subject: Subject, tmp_path: Path, collectors: dict[str, Collector]
) -> None:
    cert, key = make_certificate(tmp_path / "tls", days=100)
    other = examined(tmp_path, collectors, {"TLS_CERT_FILE": str(cert), "TLS_KEY_FILE": str(key)})
    end = end_of(cert)

    def level(left: timedelta) -> Level:
        return worst(replace(other, now=lambda: end - left), running.certificate).level

    assert worst(subject, running.certificate).seen == "none: the dashboard is plain HTTP"
    assert level(timedelta(days=15)) is Level.OK
    assert level(timedelta(days=14)) is Level.WARNING
    assert level(timedelta(0)) is Level.FAILURE
    key.write_text("none")
    assert worst(other, running.certificate) == Finding(
        "certificate",
        Level.FAILURE,
        f"TLS_KEY_FILE: {str(key)!r} is no private key in PEM form",
        "name the key of the certificate",
    )
