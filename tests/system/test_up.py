"""``gept up`` and ``gept collect``: the whole machine, its end, and its beginning again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from time import monotonic, time
from typing import Any

import psycopg
import pytest
from services import Services, bucket

from gept.store import Server
from gept.store.schema.migrate import LOCK
from system.conftest import Gept, free_port, get, until

TABLES = (
    "price_data_5min",
    "prices_1h",
    "prices_latest_1m",
    "prices_current",
    "osrs_news",
    "player_counts",
    "items",
)
WHIP = "SELECT count(*) FROM prices_current JOIN items USING (item_id) WHERE name = 'Abyssal whip'"
NAMES = ("5m", "hourly", "news", "latest", "players", "items")


def healthy(port: int) -> Any:
    status, body = get(port, "/health")
    return status == 200 and json.loads(body)


def servers(folder: Path) -> list[str]:
    found = []
    for cwd in Path("/proc").glob("[0-9]*/cwd"):
        try:
            home = str(cwd.readlink())
        except OSError:
            continue
        if home.startswith(str(folder)):
            found.append(home)
    return found


@pytest.fixture
def up(gept: Gept, port: int) -> subprocess.Popen[bytes]:
    process = gept.start("up")
    until(lambda: healthy(port) or process.poll() is not None)
    assert process.poll() is None, gept.log.read_text()
    return process


def test_every_table_fills_and_equals_what_was_served(
    gept: Gept, up: subprocess.Popen[bytes], port: int
) -> None:
    until(lambda: healthy(port)["collectors"]["5m"]["ticks_missing"] == 0)

    counts = gept.sql(
        " UNION ALL ".join(f"SELECT '{t} ' || (count(*) > 0) FROM {t}" for t in TABLES)
    )
    assert counts.splitlines() == [f"{table} true" for table in TABLES]
    stored = gept.sql(
        "SELECT extract(epoch FROM timestamp)::bigint, item_id, avg_high_price, high_price_volume, "
        "avg_low_price, low_price_volume FROM price_data_5min ORDER BY 1, 2"
    )
    times = sorted({int(line.partition("|")[0]) for line in stored.splitlines()})
    expected = [
        "|".join("" if v is None else str(v) for v in (at, int(item), *sides.values()))
        for at in times
        for item, sides in sorted(bucket("5m", at).items(), key=lambda pair: int(pair[0]))
    ]
    assert stored.splitlines() == expected
    assert len(times) in {4, 5}


def test_health_metrics_and_the_rest_are_served(up: subprocess.Popen[bytes], port: int) -> None:
    metrics = get(port, "/metrics")[1]

    for name in NAMES:
        assert f'gept_{name}_requests_total{{status="success"}}' in metrics
        assert f"\ngept_{name}_items_total " in metrics
        assert f"\ngept_{name}_duration_seconds_count " in metrics
        assert f"\ngept_{name}_last_timestamp 1." in metrics
        assert f'\ngept_lag_seconds{{collector="{name}"}}' in metrics
        assert f'\ngept_ticks_missing{{collector="{name}"}}' in metrics
    assert 'gept_http_responses_total{source="prices",status="200"}' in metrics
    assert "\ngept_database_up 1.0" in metrics
    assert [get(port, path)[0] for path in ("/livez", "/readyz", "/", "/nothing")] == [
        200,
        200,
        200,
        404,
    ]


def test_it_stays_small(up: subprocess.Popen[bytes]) -> None:
    status = Path(f"/proc/{up.pid}/status").read_text()

    resident = next(
        int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")
    )
    assert resident < 75 * 1024


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_told_and_leaves_nothing_behind(
    number: signal.Signals, up: subprocess.Popen[bytes], gept: Gept
) -> None:
    started = monotonic()
    up.send_signal(number)

    assert up.wait(10) == 0
    assert monotonic() - started < 10
    assert servers(gept.folder) == []


def test_a_hanging_source_does_not_delay_the_end(gept: Gept, upstream: Services, port: int) -> None:
    upstream.fault("/api/v1/osrs/latest", "hang")
    process = gept.start("up")
    assert upstream.hanging.wait(30)
    started = monotonic()
    process.send_signal(signal.SIGTERM)

    assert process.wait(10) == 0
    assert monotonic() - started < 10


def test_killed_it_leaves_no_server_and_a_restart_goes_on(
    gept: Gept, up: subprocess.Popen[bytes], port: int
) -> None:
    until(lambda: healthy(port)["collectors"]["5m"]["ticks_missing"] == 0)
    up.kill()
    up.wait()
    until(lambda: servers(gept.folder) == [], 20)
    ledger = "SELECT count(*), sum(attempts), sum(revisions) FROM ledger WHERE collector IN ('items', 'news')"
    before = gept.sql(ledger)

    again = gept.start("up")
    until(lambda: healthy(port))

    assert gept.sql(ledger) == before == "2|2|0"
    assert again.poll() is None


def test_one_failing_collector_disturbs_no_other(gept: Gept, upstream: Services, port: int) -> None:
    upstream.fault("/m=news", "html", 99)
    upstream.fault("/api.php", "status:404", 99)
    gept.start("up")

    def others_are_well() -> bool:
        status, body = get(port, "/health")
        if status != 503:
            return False
        reasons = json.loads(body)["reasons"]
        return len(reasons) == 1 and reasons[0].startswith("news: no good tick yet; last error: ")

    until(others_are_well)


def test_a_lost_server_is_started_again(gept: Gept, up: subprocess.Popen[bytes], port: int) -> None:
    status = gept.folder / "data/postgresql/data/postmaster.pid"
    lost = status.read_text().split()[0]
    subprocess.run(["kill", "-9", lost], check=True)
    until(lambda: status.exists() and status.read_text().split()[:1] not in ([], [lost]))
    until(lambda: healthy(port))

    assert up.poll() is None
    assert "PostgreSQL died by SIGKILL, and is started again" in gept.log.read_text()


def test_a_dead_thread_ends_the_process(gept: Gept) -> None:
    (gept.folder / "sitecustomize.py").write_text(
        "import gept.jobs.live\n"
        "def follow(self, collector, stop): raise ZeroDivisionError\n"
        "gept.jobs.live.Live.follow = follow\n"
    )

    process = gept.start("up", PYTHONPATH=gept.path(gept.folder))

    assert process.wait(60) == 1
    assert "died; see the log" in gept.log.read_text()


def test_collectors_alone_each_on_a_port(gept: Gept, upstream: Services) -> None:
    ports = {name: free_port() for name in ("players", "latest")}
    processes = [
        gept.start("collect", name, METRICS_PORT=str(port)) for name, port in ports.items()
    ]
    for port in ports.values():
        until(partial(healthy, port))

    assert list(healthy(ports["players"])["collectors"]) == ["players"]
    owner_first = sorted(processes, key=lambda each: each.pid)
    owner_first[0].kill()
    owner_first[0].wait()
    before = gept.sql("SELECT 1")
    assert before == "1"
    assert owner_first[1].poll() is None


def test_a_slower_interval_for_a_single_collector(gept: Gept, port: int) -> None:
    gept.start("collect", "players", METRICS_PORT=str(port), COLLECTION_INTERVAL="3600")
    until(lambda: healthy(port))

    assert (
        gept.sql("SELECT step, extract(minute FROM lower(wanted))::int FROM collectors")
        == "01:00:00|0"
    )


def test_a_wrong_clock_is_a_warning_of_health(gept: Gept, upstream: Services, port: int) -> None:
    upstream.now = lambda: time() + 300
    gept.start("collect", "players", METRICS_PORT=str(port))

    body = until(lambda: healthy(port))
    metrics = get(port, "/metrics")[1]

    assert body["status"] == "ok"
    assert {warning.partition(" that of ")[2] for warning in body["warnings"]} == {
        "players; set it right",
        "total; set it right",
    }
    assert 'gept_clock_skew_seconds{source="players"} -29' in metrics
    assert gept.log.read_text().count("clock is wrong") == 2


def test_a_database_of_ones_own(gept: Gept, address: str, port: int) -> None:
    process = gept.start("up", DATABASE_URL=address)
    until(lambda: healthy(port))

    assert not (gept.folder / "data" / "postgresql").exists()
    process.terminate()
    assert process.wait(10) == 0


def test_a_database_that_is_away_is_waited_for(gept: Gept, port: int) -> None:
    process = gept.start("up", DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    _, body = until(lambda: (found := get(port, "/health"))[0] == 503 and found)

    assert "database" in json.loads(body)["reasons"][0]
    assert get(port, "/livez")[0] == 200
    assert get(port, "/readyz")[0] == 503
    process.terminate()
    assert process.wait(10) == 0


def test_the_demo_shows_the_whole_system_with_its_history(gept: Gept, port: int) -> None:
    gept.environ = {k: v for k, v in gept.environ.items() if not k.endswith("_URL")}
    process = gept.start("up", "--demo", GEPT_FIRST_HORIZON="1h")
    until(lambda: (found := healthy(port)) and found["collectors"]["5m"]["ticks_missing"] == 0)
    status = gept("status", "--demo", "--json")

    def sql(query: str) -> str:
        return gept("db", "shell", "--demo", "-qAtc", query).stdout.strip()

    assert json.loads(status.stdout)["status"] == "ok"
    assert int(sql("SELECT count(DISTINCT timestamp) FROM price_data_5min")) in {12, 13, 14}
    assert sql(WHIP) == "1"
    assert gept("gaps", "5m", "--demo").stdout == "no gaps\n"
    assert not (gept.folder / "data" / "postgresql").exists()
    process.terminate()
    assert process.wait(10) == 0
    hint = f"DATA_DIR={gept.folder}/data {sys.executable} -m gept status --demo"
    assert gept.log.read_text().count(hint) == 2
    assert gept.log.read_text().splitlines()[-1].endswith(hint)


def test_what_cannot_be_said_ends_no_service_and_changes_no_exit_code(
    gept: Gept, port: int
) -> None:
    gept.log = Path("/dev/full")
    process = gept.start("up", "--demo")
    until(lambda: get(port, "/livez")[0] == 200 or process.poll() is not None)
    process.terminate()

    assert process.wait(10) == 0
    assert gept.start("up", DASHBOARD_PORT="none").wait(20) == 2


def test_waiting_for_another_migration_does_not_delay_the_end(
    gept: Gept, postgres: Server, port: int
) -> None:
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS gept_locked")
        connection.execute("CREATE DATABASE gept_locked")
    url = postgres.url("gept_locked")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        process = gept.start("up", DATABASE_URL=url)
        until(lambda: get(port, "/livez")[0] == 200)
        process.terminate()

        assert process.wait(10) == 0


def test_the_dashboard_tells_what_is_in_the_tables(
    gept: Gept, up: subprocess.Popen[bytes], port: int
) -> None:
    def told() -> Any:
        found = json.loads(get(port, "/api/status")[1])
        known = all(each["rows"] and each["latest"] for each in found["tables"])
        return known and found["processes"] and found

    found = until(told)

    assert {each["name"] for each in found["tables"]} == set(TABLES)
    assert {each["status"] for each in found["tables"]} == {"healthy"}
    assert all(isinstance(each["age_seconds"], float) for each in found["tables"])
    assert [each["name"] for each in found["collectors"]] == list(NAMES)
    assert [each["pid"] for each in found["processes"]] == [up.pid]
    assert "<title>GePT Data Factory</title>" in get(port, "/")[1]


def test_others_are_not_shown_the_dashboard_unasked(gept: Gept, port: int) -> None:
    ended = gept("up", BIND_ADDRESS="0.0.0.0")

    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "DASHBOARD_TOKEN: is not set, but BIND_ADDRESS '0.0.0.0'" in ended.stderr
    gept.start("collect", "players", BIND_ADDRESS="0.0.0.0", METRICS_PORT=str(port))
    until(lambda: healthy(port))
    assert get(port, "/api/status")[0] == 404


def test_with_a_certificate_all_is_https(gept: Gept) -> None:
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x -keyout key -out cert"
    subprocess.run(make.split(), cwd=gept.folder, check=True, capture_output=True)
    gept.environ |= {"TLS_CERT_FILE": "cert", "TLS_KEY_FILE": "key"}
    gept.start("up")

    until(lambda: gept("health").returncode == 0)
    assert "https://127.0.0.1:" in gept.log.read_text()
    wrong = gept("up", TLS_CERT_FILE="key")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert "is no certificate in PEM form" in wrong.stderr
