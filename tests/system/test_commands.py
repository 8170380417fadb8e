"""The commands: what they print, and how they end."""

from __future__ import annotations

import json
import re
import shlex
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event
from time import time

import psycopg
import pytest
from services import Services

from gept.cli import COMMANDS
from gept.simulate import Market
from gept.store import Server
from gept.store.schema.migrate import shipped
from system.conftest import GEPT, Gept, free_port, until

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
        (("rejects", "--kind", "odd"), "'odd' is not one of 'wrong_type'"),
        (("rejects", "6m"), "'6m' is no collector"),
        (("once", "latest", "--at", "2021-01-01"), "only knows the present"),
        (("once", "5m", "--at", "2020-01-01"), "begins with 2021-03-08"),
        (("backfill", "latest", "--since", "2021-01-01"), "nothing to backfill"),
        (("once", "5m", "--at", "2099-01-01"), "is yet to come; 5m is at 20"),
        (("backfill", "5m", "--since", "2099-01-01"), "leaves nothing before"),
        (("backfill", "5m"), "--since: missing; name the oldest tick"),
        (("backfill", "5m", "--pause", "--since", "2026-01-01"), "--pause stands alone"),
        (("once", "latest", "--accept-removals"), "no answer of latest takes anything away"),
        (("backfill", "5m", "--pause", "--resume"), "--pause and --resume"),
        (("backfill", "latest", "--pause"), "nothing to backfill"),
        (
            ("backfill", "5m", "--since", "2019-01-01", "--until", "2019-02-01"),
            "--until: 5m begins with 2021-03-08 08:00:00Z",
        ),
        (("simulate", "--speed", "0"), "0.0 is not in the range 0<x<=100000"),
        (("simulate", "--speed", "inf"), "is not in the range"),
        (("simulate", "--offset", "nan"), "'nan' is not a number"),
        (("collect",), "Missing argument"),
        (("health", "--live", "--ready"), "--live and --ready: they ask different things"),
        (("nothing",), "No such command"),
        (("gaps", "nope"), "is no collector"),
        (("repair", "5m"), "has no history of single items; hourly has"),
        (("verify", "5m"), "is not made of other buckets; hourly is"),
        (("verify", "hourly", "--since", "2099-01-01"), "leaves no hour before"),
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
    assert "5m: 1 requests done, 5 left, " in done.stderr
    assert re.fullmatch(r"5m: 6 requests done, \d{3} rows", done.stderr.splitlines()[-1])
    assert "no ticks missing" in done.stdout
    assert gept("gaps", "5m").stdout == "no gaps\n"


def test_a_dry_run_asks_nobody_and_changes_nothing(gept: Gept, upstream: Services) -> None:
    span = ("--since", "2021-03-08T08:00:00Z", "--until", "2021-03-09T08:00:00Z")
    gept("db", "migrate")
    told = gept("backfill", "5m", *span, "--dry-run", GEPT_PACE="1")

    assert told.returncode == 0
    assert "5m: 288 requests from 2021-03-08 08:00:00Z to 2021-03-09 08:00:00Z" in told.stdout
    assert "; at one every 1 s that takes 0:04:48" in told.stdout
    assert upstream.asked == []
    assert gept("gaps", "5m").stdout == "no gaps\n"


def _asked(upstream: Services, requests: int) -> bool:
    return len(upstream.asked) >= requests


def test_a_killed_backfill_goes_on_where_it_was(gept: Gept, upstream: Services) -> None:
    span = ("--since", "2021-03-08T08:00:00Z", "--until", "2021-03-08T12:00:00Z")
    for asked in (5, 15, 30):
        process = gept.start("backfill", "5m", *span)
        until(partial(_asked, upstream, asked))
        process.kill()
        process.wait()
    done = gept("backfill", "5m", *span)

    good = int(gept.sql("SELECT sum(attempts) FROM ledger"))
    assert done.returncode == 0, done.stderr
    assert gept.sql("SELECT count(*) FROM ledger WHERE status = 'done'") == "48"
    assert good == 48
    assert len(upstream.asked) <= 48 + 3


def test_what_was_closed_as_empty_is_asked_for_when_reopened(
    gept: Gept, upstream: Services
) -> None:
    span = ("--since", "2021-03-08T08:00:00Z", "--until", "2021-03-08T08:10:00Z")
    gept("backfill", "5m", *span)
    gept.sql("UPDATE ledger SET status = 'empty' WHERE tick = '2021-03-08T08:00:00Z'")
    as_it_is = gept("backfill", "5m", *span, "--dry-run")
    reopened = gept("backfill", "5m", *span, "--dry-run", "--reopen")
    asked = len(upstream.asked)
    done = gept("backfill", "5m", *span, "--reopen")

    assert "5m: 0 requests" in as_it_is.stdout
    assert "5m: 1 requests" in reopened.stdout
    assert done.returncode == 0
    assert len(upstream.asked) == asked + 1 == 3
    assert gept.sql("SELECT DISTINCT status FROM ledger") == "done"


def test_a_paused_backfill_rests_until_it_is_resumed(gept: Gept, upstream: Services) -> None:
    span = ("--since", "2021-03-08T08:00:00Z", "--until", "2021-03-08T08:30:00Z")
    holder = gept.start("db", "run")
    paused = gept("backfill", "5m", "--pause")
    process = gept.start("backfill", "5m", *span)
    until(lambda: "5m: paused" in gept.log.read_text())
    told, states = gept("status").stdout, gept.status()["collectors"]
    asked = len(upstream.asked)
    resumed = gept("backfill", "5m", "--resume")

    assert "5m: backfills are paused since " in paused.stdout
    assert "\n5m: backfills are paused since " in told
    assert [each["collector"] for each in states if each["backfill_paused_since"]] == ["5m"]
    assert asked == 0
    assert resumed.stdout == "5m: backfills go on\n"
    assert process.wait(30) == 0
    assert gept("backfill", "5m", "--resume").stdout == "5m: no backfill was paused\n"
    holder.terminate()
    holder.wait()


def test_a_backfill_outlives_the_process_that_runs_the_database(
    gept: Gept, upstream: Services
) -> None:
    holder = gept.start("db", "run")
    until(lambda: "postgresql://" in gept.log.read_text())
    process = gept.start(
        "backfill", "5m", "--since", "2021-03-08T08:00:00Z", "--until", "2021-03-08T10:00:00Z"
    )
    until(lambda: len(upstream.asked) >= 5)
    holder.kill()
    holder.wait()

    assert process.wait(60) == 0
    assert gept.sql("SELECT count(*) FROM ledger WHERE status = 'done'") == "24"


def test_gaps_of_the_last_minutes(gept: Gept) -> None:
    just_now = f"{datetime.now(UTC) - timedelta(minutes=20):%Y-%m-%dT%H:%M:%SZ}"

    gept("db", "migrate")

    assert gept("gaps", "--since", just_now).stdout == "no gaps\n"


def test_a_backfill_that_cannot_do_all_says_so(gept: Gept, upstream: Services) -> None:
    upstream.fault("/api/v1/osrs/5m?timestamp=1615190400", "status:404", 9)

    done = gept("backfill", "5m", "--since", "1615190400", "--until", "1615191000")
    gaps = json.loads(gept("gaps", "--json").stdout)

    assert done.returncode == 8
    assert gaps == [
        {
            "collector": "5m",
            "since": "2021-03-08T08:00:00Z",
            "until": "2021-03-08T08:05:00Z",
            "ticks": 1,
            "cause": "failed",
            "repairable": True,
            "error": "UpstreamRefused: prices/5m?timestamp=1615190400: HTTP 404",
        }
    ]
    assert "failed (UpstreamRefused" in gept("gaps").stdout


def test_rejected_entries_are_shown_with_reason_and_payload(gept: Gept, upstream: Services) -> None:
    gept("db", "migrate")
    nothing = gept("rejects")
    upstream.fault("/api/v1/osrs/5m", "spoil:text")
    gept("once", "5m", "--at", AT)

    table = gept("rejects", "5m", "--limit", "1")
    told = json.loads(gept("rejects", "--json").stdout)

    assert nothing.stdout == "no entries were rejected\n"
    assert "5m         wrong_type" in table.stdout
    assert table.stdout.count("Expected `int | null`, got `str`") == 1
    [count] = told["counts"]
    assert (count["collector"], count["kind"]) == ("5m", "wrong_type")
    assert len(told["newest"]) == min(count["entries"], 20) > 3
    assert json.loads(told["newest"][0]["payload"])["lowPriceVolume"] is not None
    assert json.loads(gept("rejects", "--json", "--kind", "other").stdout)["counts"] == []
    assert gept("rejects", "--since", "2090-01-01").stdout == nothing.stdout


def test_what_is_stored_cannot_command_the_terminal(gept: Gept, upstream: Services) -> None:
    gept("db", "migrate")
    upstream.fault("/api/v1/osrs/5m", "spoil:text")
    gept("once", "5m", "--at", AT)
    gept.sql("UPDATE rejected_rows SET reason = E'\\x1b[2J', payload = to_json(E'\\x1b[2J'::text)")
    gept.sql("UPDATE ledger SET error = E'\\x1b[2J\\rno gaps', status = 'failed'")
    shown = [gept(each) for each in ("rejects", "gaps", "status")]

    assert ["\x1b" in each.stdout for each in shown] == [False] * 3
    assert "\\x1b[2J" in shown[0].stdout
    assert "\\x1b[2J\\rno gaps" in shown[1].stdout


def test_a_field_that_nobody_reads_is_told(gept: Gept, upstream: Services) -> None:
    upstream.fault("/api/v1/osrs/5m", "spoil:extra")

    ended = gept("once", "5m", "--at", AT)

    assert ended.returncode == 0
    assert "schema drift: data.*.new: nobody reads it" in ended.stdout


def test_a_tick_that_was_named_and_is_not_there_is_a_gap(gept: Gept, upstream: Services) -> None:
    upstream.fault("/api/v1/osrs/5m", "status:404")
    gept("once", "5m", "--at", AT)

    [gap] = json.loads(gept("gaps", "5m", "--json").stdout)

    assert (gap["since"], gap["ticks"], gap["cause"]) == ("2026-11-20T12:00:00Z", 1, "failed")


def test_completeness_is_told_by_day(gept: Gept, upstream: Services) -> None:
    upstream.fault("/api/v1/osrs/5m?timestamp=1615190400", "status:404", 9)
    gept("backfill", "5m", "--since", "1615190400", "--until", "1615191600")

    told = gept("completeness", "5m", "hourly")
    [five, hourly] = json.loads(gept("completeness", "5m", "hourly", "--json").stdout)
    recent = json.loads(gept("completeness", "5m", "--days", "3", "--json").stdout)

    day = {"day": "2021-03-08", "wanted": 4, "done": 3, "empty": 0, "missing": 1, "share": 0.75}
    assert five["days"] == [day]
    assert five["windows"]["7d"] == {"wanted": 0, "missing": 0, "share": None}
    assert (five["complete_until"], five["unbroken_since"]) == (
        "2021-03-08T08:00:00Z",
        "2021-03-08T08:05:00Z",
    )
    assert (hourly["days"], hourly["complete_until"], hourly["tables"]) == ([], None, ["prices_1h"])
    assert "2021-03-08 5m               4        1     75 %" in told.stdout
    assert "2021-03-08 08:00:00Z  2021-03-08 08:05:00Z" in told.stdout
    assert recent[0]["days"] == []
    assert gept("completeness", "hourly").stdout.endswith("every day is complete\n")
    assert "is not in the range" in gept("completeness", "--days", "0").stderr


def test_single_items_are_mended_where_they_are_stale(gept: Gept, upstream: Services) -> None:
    now = time() + 1800  # so the newest hour stays below the two hours after which it is stale
    upstream.now = lambda: now
    items = ("--item", "11", "--item", "14")
    first = gept("repair", "hourly", *items, *items)
    asked = len(upstream.asked)
    fresh = gept("repair", "hourly", *items)
    forced = gept("repair", "hourly", "--item", "11", "--force")

    assert (first.returncode, fresh.returncode, forced.returncode) == (0, 0, 0), first.stderr
    assert "hourly: 2 mended, 0 failed, 0 were fresh, 0 have no trades" in first.stdout
    assert "2 were fresh" in fresh.stdout
    assert len(upstream.asked) == asked + 1 == 3
    assert " 0 inserted, 0 updated, " in forced.stderr
    assert gept.sql("SELECT count(DISTINCT item_id), count(*) > 100 FROM prices_1h") == "2|t"


def test_an_item_list_that_has_shrunk_is_accepted_by_who_says_so(
    gept: Gept, upstream: Services
) -> None:
    whole = gept("once", "items")
    upstream.market = Market(100)
    refused = gept("once", "items")
    accepted = gept("once", "items", "--accept-removals")

    assert [each.returncode for each in (whole, refused, accepted)] == [0, 5, 0]
    assert "if it is true, `gept once items --accept-removals` stores it" in refused.stdout
    assert " 50 removed, " in accepted.stdout
    assert gept.sql("SELECT count(*) FROM items WHERE removed_at IS NULL") == "100"


def test_an_item_without_a_trade_is_not_mended(gept: Gept) -> None:
    ended = gept("repair", "hourly", "--item", "4151")

    assert ended.returncode == 0
    assert ended.stderr.endswith("item 4151: 0 inserted, 0 updated, 0 unchanged\n")
    assert ended.stdout == "hourly: 0 mended, 0 failed, 0 were fresh, 1 have no trades\n"


def test_an_item_that_cannot_be_mended_is_told(gept: Gept, upstream: Services) -> None:
    upstream.fault("/api/v1/osrs/timeseries", "html")

    ended = gept("repair", "hourly", "--item", "11")

    assert ended.returncode == 8
    assert "item 11: " in ended.stderr


def test_hours_are_held_against_their_buckets(gept: Gept) -> None:
    span = ("--since", "2021-03-08T08:00:00Z", "--until", "2021-03-08T10:00:00Z")
    gept("db", "migrate")
    nothing = gept("verify", "hourly", *span)
    gept("backfill", "5m", *span)
    gept("backfill", "hourly", "--since", span[1], "--until", "2021-03-08T09:00:00Z")
    agreed = gept("verify", "hourly", *span)
    gept.sql("UPDATE prices_1h SET low_price_volume = low_price_volume + 1 WHERE item_id < 200")
    differs = gept("verify", "hourly", *span)
    told = gept("verify", "hourly", *span, "--json")
    mended = gept("verify", "hourly", *span, "--repair", "--rebuild")
    again = gept("verify", "hourly", *span)

    assert [each.returncode for each in (nothing, agreed, mended, again)] == [0, 0, 0, 0]
    assert "nothing to compare" in nothing.stdout
    assert "1 hours compared, 0 asked again, 0 rebuilt: all agree" in agreed.stdout
    assert "1 hours could not be compared" in agreed.stdout
    assert differs.returncode == told.returncode == 9
    report = json.loads(told.stdout)
    count = len(report["differences"])
    assert count > 20
    assert f"{count} differences in 1 hours" in differs.stdout
    assert f"and {count - 20} more; --json lists all" in differs.stdout
    first = report["differences"][0]
    assert first["hour"] == "2021-03-08T08:00:00Z"
    assert first["volume"] == first["volume_of_buckets"] + 1
    assert "asked again (1 requests): it agrees now" in mended.stderr
    assert "2021-03-08 09:00:00Z rebuilt from its buckets: " in mended.stderr
    assert "2 hours compared, 0 asked again, 0 rebuilt: all agree" in again.stdout
    assert gept.sql("SELECT tick FROM ledger WHERE rebuilt").startswith("2021-03-08 09:00:00")


LOOKING = [
    *(("gaps",), ("completeness",), ("rejects",), ("redecode",), ("verify", "hourly")),
    *(("spool", "drain"), ("db", "shell"), ("backup",)),
    ("backfill", "5m", "--since", "2026-01-01", "--dry-run"),
]


def test_looking_makes_no_database(gept: Gept) -> None:
    real, made_up = gept("status"), gept("status", "--demo")
    (gept.folder / "data/demo/postgresql/data").mkdir(parents=True)
    (gept.folder / "data/demo/postgresql/data/PG_VERSION").write_text("18\n")
    beside = gept("status")

    others = [gept(*each) for each in LOOKING]

    assert (real.returncode, made_up.returncode, beside.returncode) == (1, 1, 1)
    assert [(each.returncode, "nothing is in" in each.stderr) for each in others] == [
        (1, True)
    ] * len(LOOKING)
    assert f"nothing is in {gept.folder}/data yet; begin with: DATA_DIR=" in real.stderr
    assert real.stderr.endswith(" up\n")
    assert made_up.stderr.endswith(" up --demo\n")
    assert beside.stderr.endswith(" status --demo\n")
    assert not (gept.folder / "data/postgresql").exists()


@pytest.mark.parametrize(
    ("where", "said", "code"),
    [
        (">/dev/full", "gept: the output cannot be written: No space left on device\n", 1),
        (">&-", "gept: the standard output is closed; where nobody reads it, add >/dev/null\n", 2),
        ("| true", "", 0),
    ],
)
@pytest.mark.parametrize("command", ["settings", "--help"])
def test_an_output_that_nobody_takes_is_a_sentence(
    command: str, where: str, said: str, code: int, gept: Gept
) -> None:
    ended = subprocess.run(
        ["sh", "-c", f"{shlex.join(GEPT)} {command} {where}"],
        env=gept.environ,
        cwd=gept.folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.stderr, ended.returncode) == (said, code)


def test_the_demo_is_not_looked_for_in_another_database(gept: Gept) -> None:
    ended = gept("gaps", "--demo", DB_HOST="db.example")

    assert ended.returncode == 2
    assert "unset DB_HOST and DATABASE_URL" in ended.stderr


def test_status_before_and_after(gept: Gept) -> None:
    gept("db", "migrate")
    before = gept("status")
    for name in ("5m", "hourly", "latest", "news", "players", "items"):
        assert gept("once", name).returncode == 0
    after, drained = gept.status(), gept("spool", "drain")

    assert before.returncode == 1
    assert "! 5m: no good tick yet" in before.stdout
    assert drained.stdout == "0 answers read, 0 still wait\n"
    assert after["status"] == "ok"
    assert [each["healthy"] for each in after["collectors"]] == [True] * 6
    assert all(each["complete_until"] > each["newest_good_tick"] for each in after["collectors"])
    assert "prices_latest_1m, prices_current" in before.stdout


def test_status_reads_no_table_of_data(gept: Gept, address: str) -> None:
    tables = "price_data_5min, prices_1h, prices_latest_1m, prices_current, player_counts, items"
    with psycopg.connect(address) as connection:
        connection.execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")
        shown = gept("status", "--json", DATABASE_URL=address)

    reasons = json.loads(shown.stdout)["reasons"]
    assert len(reasons) == 6
    assert all("no good tick yet" in each for each in reasons)


def test_the_database_by_its_address_and_by_psql(gept: Gept) -> None:
    url, of_demo = gept("db", "url"), gept("db", "url", "--demo")
    migrated = gept("db", "migrate")
    status = gept("db", "status")

    assert url.stdout.startswith("postgresql://postgres@/osrs_data?host=")
    assert url.stderr.endswith(": `gept up`\n")
    assert of_demo.stderr.endswith(": `gept up --demo`\n")
    assert "up to date" in migrated.stdout
    applied = [line for line in status.stdout.splitlines() if line[:4].isdigit()]
    assert len(applied) == len(shipped())
    assert gept.sql("SELECT 6 * 7") == "42"
    assert gept("db", "shell", "-c", "SELECT nonsense").returncode != 0


def test_no_password_is_printed_or_passed_as_an_argument(gept: Gept, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")

    shown = gept("db", "url", DB_HOST="db.example", DB_PASS_FILE=str(secret))

    assert shown.returncode == 0
    assert "host=db.example" in shown.stdout
    assert "hunter2" not in shown.stdout + shown.stderr


def test_health_asks_the_port_that_is_set_for_the_collector(gept: Gept) -> None:
    port = free_port()
    gept.start("collect", "players", GEPT_PLAYERS_PORT=str(port))

    until(lambda: gept("health", "players", GEPT_PLAYERS_PORT=str(port)).returncode == 0)


def test_settings_of_single_collectors_are_shown_and_checked(gept: Gept) -> None:
    shown = gept("settings", GEPT_PLAYERS_INTERVAL="2m")
    wrong = gept("settings", GEPT_5M_INTERVAL="60", GEPT_FOO_PORT="9")

    assert "GEPT_PLAYERS_INTERVAL = 120s   [environment]\n" in shown.stdout
    assert "GEPT_5M_PORT = 9100   [default]\n    Web port of `gept collect 5m`" in shown.stdout
    assert wrong.returncode == 2
    assert "GEPT_5M_INTERVAL: '60s' cannot be set: the buckets of 5m are" in wrong.stderr
    assert "GEPT_FOO_PORT: '9' is for no setting of gept" in wrong.stderr


def test_health_of_nobody(gept: Gept) -> None:
    ended = gept("health")

    assert ended.returncode == 1
    assert "nothing answers" in ended.stderr


def test_health_of_another_program(gept: Gept, upstream: Services) -> None:
    port = upstream.url.rpartition(":")[2]
    ended = gept("health", "--port", port)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"gept: what answers on 127.0.0.1:{port} is not gept\n"


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
    shown = gept("backfill", "5m", "--resume")

    assert shown.stdout == "5m: no backfill was paused\n"
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
    taken = gept("db", "run", "--port", str(port))
    assert (taken.returncode, taken.stdout) == (2, "")
    assert f"--port: 127.0.0.1:{port} is taken" in taken.stderr
    assert "name another port" in taken.stderr
    holder.terminate()
    assert holder.wait(10) == 0
    assert gept("once", "players").returncode == 0


def test_the_made_up_market_is_where_the_settings_say(gept: Gept) -> None:
    port = free_port()
    gept.start("simulate", "--port", str(port), BIND_ADDRESS="127.0.0.2")

    def answers(host: str) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((host, port)) == 0

    until(partial(answers, "127.0.0.2"))
    assert not answers("127.0.0.1")
    taken = gept("simulate", "--port", str(port), BIND_ADDRESS="127.0.0.2")
    assert taken.returncode == 2
    assert (
        f"--port: 127.0.0.2:{port} cannot be used (Address already in use); name another"
        in taken.stderr
    )
