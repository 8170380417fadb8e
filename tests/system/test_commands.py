"""The commands: what they print, and how they end."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import psycopg
import pytest
from services import Services

from gept.cli import COMMANDS
from gept.store import Server
from gept.store.migrate import shipped
from system.conftest import Gept, until

AT = "2026-11-20T12:00:00Z"


def test_once_runs_a_tick_and_again_touches_nothing(gept: Gept) -> None:
    first = gept("once", "5m", "--at", AT)
    again = gept("once", "5m", "--at", "1795176000")

    assert (first.returncode, again.returncode) == (0, 0)
    assert "5m 2026-11-20 12:00:00Z done: " in first.stdout
    assert " 0 inserted, 0 updated, 0 removed, " in again.stdout
    assert "Traceback" not in first.stderr + again.stderr


@pytest.mark.parametrize(
    ("fault", "code"),
    [("empty", 3), ("stale", 3), ("spoil:null", 4), ("html", 5), ("status:404", 6)],
)
def test_each_way_to_end_has_a_code(fault: str, code: int, gept: Gept, upstream: Services) -> None:
    upstream.fault("/api/v1/osrs/5m", fault)

    ended = gept("once", "5m", "--at", AT)

    assert ended.returncode == code
    assert "Traceback" not in ended.stderr


def test_a_database_that_is_away_has_a_code(gept: Gept) -> None:
    ended = gept("once", "5m", DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")

    assert ended.returncode == 7
    assert ended.stderr.startswith("gept: ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("once", "6m"), "'6m' is no collector; there are 5m, hourly"),
        (("once", "5m", "--at", "noon"), "'noon' is no time; write it like"),
        (("once", "5m", "--at", "9999-12-31T23:59:59Z"), "is not a time between 1970 and 2100"),
        (("once", "5m", "--at", "0001-01-01T00:00+14:00"), "is no time"),
        (("gaps", "--since", "2026-01-02", "--until", "2026-01-01"), "turn them round"),
        (("once", "latest", "--at", "2021-01-01"), "only knows the present"),
        (("once", "5m", "--at", "2020-01-01"), "begins with 2021-03-08"),
        (("backfill", "latest", "--since", "2021-01-01"), "nothing to backfill"),
        (("backfill", "5m", "--since", "2099-01-01"), "leaves nothing before"),
        (("collect",), "Missing argument"),
        (("nothing",), "No such command"),
        (("gaps", "nope"), "is no collector"),
        (("repair", "5m"), "has no history of single items; hourly has"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: tuple[str, ...], said: str, gept: Gept) -> None:
    ended = gept(*arguments)

    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_wrong_settings_are_all_told(gept: Gept) -> None:
    ended = gept("up", DASHBOARD_PORT="0", GEPT_NONSENSE="1", BIND_ADDRESS="x")

    assert ended.returncode == 2
    assert [
        line.split(":")[-3 if line.startswith("gept") else 0].strip()
        for line in ended.stderr.splitlines()
    ][1:] == ["BIND_ADDRESS", "DASHBOARD_PORT"]
    assert "GEPT_NONSENSE" in ended.stderr


def test_a_port_that_is_taken_is_told(gept: Gept, upstream: Services) -> None:
    taken = upstream.url.rpartition(":")[2]

    ended = gept("up", DASHBOARD_PORT=taken)

    assert ended.returncode == 2
    assert f"DASHBOARD_PORT: 127.0.0.1:{taken} is taken by another program" in ended.stderr


def test_gaps_and_backfill(gept: Gept) -> None:
    span = ("--since", "2021-03-08T08:00:00Z", "--until", "2021-03-08T08:30:00Z")
    done = gept("backfill", "5m", *span)

    assert done.returncode == 0, done.stderr
    assert len([line for line in done.stderr.splitlines() if " done " in line]) == 6
    assert "no ticks missing" in done.stdout
    assert gept("gaps", "5m").stdout == "no gaps\n"


def test_gaps_of_the_last_minutes(gept: Gept) -> None:
    just_now = f"{datetime.now(UTC) - timedelta(minutes=20):%Y-%m-%dT%H:%M:%SZ}"

    assert gept("gaps", "--since", just_now).stdout == "no gaps\n"


def test_a_backfill_that_cannot_do_all_says_so(gept: Gept, upstream: Services) -> None:
    upstream.fault("/api/v1/osrs/5m?timestamp=1615190400", "status:404", 9)

    done = gept("backfill", "5m", "--since", "1615190400", "--until", "1615191000")
    gaps = json.loads(gept("gaps", "--json").stdout)

    assert done.returncode == 8
    assert gaps == [
        {
            "collector": "5m",
            "since": "2021-03-08T08:00:00+00:00",
            "until": "2021-03-08T08:05:00+00:00",
            "ticks": 1,
            "cause": "failed",
            "repairable": True,
            "error": "UpstreamRefused: prices/5m?timestamp=1615190400: HTTP 404",
        }
    ]
    assert "failed (UpstreamRefused" in gept("gaps").stdout


def test_a_tick_that_was_named_and_is_not_there_is_a_gap(gept: Gept, upstream: Services) -> None:
    upstream.fault("/api/v1/osrs/5m", "status:404")
    gept("once", "5m", "--at", AT)

    [gap] = json.loads(gept("gaps", "5m", "--json").stdout)

    assert (gap["since"], gap["ticks"], gap["cause"]) == ("2026-11-20T12:00:00+00:00", 1, "failed")


def test_single_items_are_mended_where_they_are_stale(gept: Gept, upstream: Services) -> None:
    items = ("--item", "11", "--item", "14")
    first = gept("repair", "hourly", *items)
    asked = len(upstream.asked)
    fresh = gept("repair", "hourly", *items)
    forced = gept("repair", "hourly", "--item", "11", "--force")

    assert (first.returncode, fresh.returncode, forced.returncode) == (0, 0, 0), first.stderr
    assert "hourly: 2 items mended, 0 failed, 0 were fresh" in first.stdout
    assert "2 were fresh" in fresh.stdout
    assert len(upstream.asked) == asked + 1 == 3
    assert " 0 inserted, 0 updated, " in forced.stderr
    assert gept.sql("SELECT count(DISTINCT item_id), count(*) > 100 FROM prices_1h") == "2|t"


def test_an_item_that_cannot_be_mended_is_told(gept: Gept, upstream: Services) -> None:
    upstream.fault("/api/v1/osrs/timeseries", "html")

    ended = gept("repair", "hourly", "--item", "11")

    assert ended.returncode == 8
    assert "item 11: " in ended.stderr


def test_status_before_and_after(gept: Gept) -> None:
    before = gept("status")
    for name in ("5m", "hourly", "latest", "news", "players", "items"):
        assert gept("once", name).returncode == 0
    after = gept.status()

    assert before.returncode == 1
    assert "! 5m: no good tick yet" in before.stdout
    assert after["status"] == "ok"
    assert [each["healthy"] for each in after["collectors"]] == [True] * 6


def test_status_reads_no_table_of_data(gept: Gept, address: str) -> None:
    tables = "price_data_5min, prices_1h, prices_latest_1m, prices_current, player_counts, items"
    with psycopg.connect(address) as connection:
        connection.execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")
        shown = gept("status", "--json", DATABASE_URL=address)

    reasons = json.loads(shown.stdout)["reasons"]
    assert len(reasons) == 6
    assert all("no good tick yet" in each for each in reasons)


def test_the_database_by_its_address_and_by_psql(gept: Gept) -> None:
    url = gept("db", "url")
    migrated = gept("db", "migrate")
    status = gept("db", "status")

    assert url.stdout.startswith("postgresql://postgres@/osrs_data?host=")
    assert "up to date" in migrated.stdout
    assert len([line for line in status.stdout.splitlines() if line[:4].isdigit()]) == len(
        shipped()
    )
    assert gept.sql("SELECT 6 * 7") == "42"
    assert gept("db", "shell", "-c", "SELECT nonsense").returncode != 0


def test_no_password_is_printed_or_passed_as_an_argument(gept: Gept, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")

    shown = gept("db", "url", DB_HOST="db.example", DB_PASS_FILE=str(secret))

    assert shown.returncode == 0
    assert "host=db.example" in shown.stdout
    assert "hunter2" not in shown.stdout + shown.stderr


def test_health_of_nobody(gept: Gept) -> None:
    ended = gept("health")

    assert ended.returncode == 1
    assert "nothing answers" in ended.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command: str, gept: Gept) -> None:
    shown = gept(command, "--help")

    assert shown.returncode == 0
    assert "Usage: gept" in shown.stdout


def test_the_state_of_a_database_that_is_not_there_is_told(gept: Gept) -> None:
    before = gept("db", "status")
    made = (gept.folder / "data").exists()
    gept("db", "migrate")
    whole = gept("db", "status").stdout
    server = Server(gept.folder / "data", None, Event().wait)
    server.ensure()
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE osrs_data")
    server.stop()

    for told in (before, gept("db", "status")):
        assert (told.returncode, told.stderr) == (0, "")
        assert "nothing is there yet: `gept up` or `gept db migrate` makes it" in told.stdout
    assert not made
    assert "0001 " in whole


def test_what_a_command_logs_is_not_among_its_output(gept: Gept) -> None:
    shown = gept("db", "shell", "-qAtc", "SELECT 1")

    assert shown.stdout == "1\n"
    assert '"migrated"' in shown.stderr


def test_the_database_is_held_for_other_programs(gept: Gept, port: int) -> None:
    holder = gept.start("db", "run", "--port", str(port))
    file = gept.folder / "data/postgresql/password"
    address = f"postgresql://gept@127.0.0.1:{port}/osrs_data"
    until(lambda: address in gept.log.read_text())
    password = file.read_text().strip()

    with psycopg.connect(address, password=password) as connection:
        assert connection.execute("SELECT count(*) FROM ledger").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine ()")
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(address, password="wrong")
    assert file.stat().st_mode & 0o777 == 0o600
    assert password not in gept.log.read_text()
    assert gept.sql("SELECT 1") == "1"
    assert gept("db", "run", "--port", str(port)).returncode == 2
    holder.terminate()
    assert holder.wait(10) == 0
    assert gept("once", "players").returncode == 0
