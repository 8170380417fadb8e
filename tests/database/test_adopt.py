"""A database that gept did not make is taken over without losing a row."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString

import older
import psycopg
import pytest

from gept.collectors import load_all
from gept.decode.buckets import Average
from gept.errors import StoreBroken, UsageError
from gept.model import Decoded, Status
from gept.store import Database, Entry, Server, Store
from gept.store.adoption import Job, begin, drop, plan, reading, standing, work
from gept.store.schema.migrate import migrate

Ask = Callable[..., list[Any]]
NOW = datetime(2026, 11, 22, 12, 31, 20, tzinfo=UTC)
BEGUN = datetime(2026, 10, 1, tzinfo=UTC)
FIVE = timedelta(minutes=5)
COLLECTORS = load_all()
JOB = Job(COLLECTORS, lambda: NOW)


@pytest.fixture
def empty(postgres: Server) -> str:
    """Give the address of an empty database."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS gept_adopted WITH (FORCE)")
        connection.execute("CREATE DATABASE gept_adopted")
    return postgres.url("gept_adopted")


@pytest.fixture
def old(empty: str) -> str:
    """Give the address of a database as the specification's SQL makes it."""
    older.make(empty)
    return empty


@pytest.fixture
def ask(empty: str) -> Iterator[Ask]:
    """Give a function that asks the old database anything."""
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")

        def ask(text: LiteralString, *values: Any) -> list[Any]:
            cursor = connection.execute(text, values or None)
            return cursor.fetchall() if cursor.description else []

        yield ask


def adopt(address: str) -> None:
    begin(address, {})
    list(work(address, JOB))


def compare_buckets(ask: Ask) -> None:
    """Hold gept's table and what is kept against the old rows, by the rule told in Python."""
    rows = defaultdict(list)
    for item_id, at, *values in ask("SELECT * FROM legacy.price_data_5min ORDER BY ctid"):
        amounts_fit = all(value is None or value >= 0 for value in values)
        aligned = at.minute % 5 == 0 and at.second == 0
        if item_id > 0 and amounts_fit and aligned and 2013 < at.year < 2027:
            rows[item_id, at].append(tuple(values))
    stored = {
        (item_id, at): tuple(values)
        for item_id, at, *values in ask("SELECT * FROM price_data_5min")
    }
    kept = defaultdict(list)
    for content in ask(
        "SELECT content FROM adopted_conflicts WHERE source = 'price_data_5min' AND reason = 'conflict'"
    ):
        item_id, at, *values = _values(content[0])
        kept[item_id, at].append(tuple(values))

    assert stored == {key: each[-1] for key, each in rows.items()}
    assert {key: sorted(each, key=str) for key, each in kept.items()} == {
        key: losers
        for key, each in rows.items()
        if (losers := sorted((row for row in each if row != each[-1]), key=str))
    }


def _values(content: dict[str, Any]) -> list[Any]:
    names = ("avg_high_price", "high_price_volume", "avg_low_price", "low_price_volume")
    return [
        content["item_id"],
        datetime.fromisoformat(content["timestamp"]),
        *(content[name] for name in names),
    ]


def test_migrate_refuses_an_older_database_and_names_the_remedy(old: str, ask: Ask) -> None:
    with pytest.raises(StoreBroken, match="price_data_5min.*`gept db adopt`"):
        migrate(old)

    assert ask("SELECT to_regclass('ledger'), to_regclass('schema_migrations')") == [(None, None)]


def test_migrate_refuses_migrations_of_another_system(empty: str, ask: Ask) -> None:
    ask("CREATE TABLE schema_migrations (version text)")

    with pytest.raises(StoreBroken, match="schema_migrations.*`gept db adopt`"):
        migrate(empty)
    assert plan(empty).obstacles == [
        "schema_migrations: gept has something of this name; rename yours, it is not adopted"
    ]


def test_the_cost_is_told_of_tables_that_were_never_analysed(empty: str, ask: Ask) -> None:
    ask("CREATE TABLE prices_1h (item_id int, timestamp timestamptz, avg_high_price int,"
        " high_price_volume int, avg_low_price int, low_price_volume int)"
        " WITH (autovacuum_enabled = false)")  # fmt: skip
    ask("INSERT INTO prices_1h SELECT item, now(), 1, 1, 1, 1 FROM generate_series(1, 100000) item")

    [step] = plan(empty).steps

    assert 60_000 < step.old.rows < 150_000
    assert step.space > 60_000 * 60
    assert step.seconds > 1


@pytest.mark.parametrize("pages", [2, 512])
def test_every_row_is_adopted_or_kept(
    old: str, ask: Ask, pages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGES", pages)

    adopt(old)

    compare_buckets(ask)
    parts = standing(old)
    assert all(each.proved for each in parts)
    for each in parts:
        [(rows,)] = ask(f"SELECT count(*) FROM legacy.{each.part}")
        assert (
            rows == each.rows == each.inserted + each.duplicates + each.conflicts + each.set_aside
        )
    asides = ask(
        "SELECT source, reason, count(*) FROM adopted_conflicts WHERE reason <> 'conflict' GROUP BY 1, 2 ORDER BY 1, 2"
    )
    assert asides == [
        ("price_data_5min", "not_aligned", 1),
        ("price_data_5min", "out_of_range", 2),
        ("price_data_5min", "out_of_time", 2),
        ("prices_latest", "missing_value", 1),
    ]


def test_the_planner_knows_the_new_tables_at_once(old: str, ask: Ask) -> None:
    adopt(old)

    [(rows,)] = ask("SELECT reltuples FROM pg_class WHERE oid = 'price_data_5min'::regclass")
    assert rows == ask("SELECT count(*) FROM price_data_5min")[0][0] > 0


def test_minutes_are_floored_and_the_collector_of_the_minute_wins(old: str, ask: Ask) -> None:
    adopt(old)

    assert ask(
        "SELECT count(*), count(*) FILTER (WHERE timestamp = date_trunc('minute', timestamp)) FROM prices_latest_1m"
    ) == [(40 * 31 + 1, 40 * 31 + 1)]
    assert ask(
        "SELECT high, low FROM prices_latest_1m WHERE item_id = 3 AND timestamp < '2026-10-20 00:02Z' ORDER BY timestamp"
    ) == [(3000000000, 5), (99, 98), (4, None)]
    lost = ask(
        "SELECT source, content ->> 'high' FROM adopted_conflicts WHERE source LIKE 'prices_latest%' AND reason = 'conflict' ORDER BY 2"
    )
    assert lost == [("prices_latest_1m", "3"), ("prices_latest_1m", "77")]
    assert ask("SELECT high, timestamp FROM prices_current WHERE item_id = 40") == [
        (70, datetime(2026, 10, 20, 0, 30, tzinfo=UTC))
    ]


def test_news_and_items_come_along(old: str, ask: Ask) -> None:
    adopt(old)

    assert ask("SELECT guid, feed FROM osrs_news ORDER BY 1") == [
        ("g1", "official"),
        ("g2", "wiki_feed"),
    ]
    assert ask("SELECT item_id, name, buy_limit, last_seen FROM items ORDER BY 1") == [
        (2, "Cannonball", 11000, BEGUN),
        (6, "Cannon base", None, datetime(1970, 1, 1, tzinfo=UTC)),
    ]
    assert ask("SELECT count(*) FROM predictions") == [(1,)]


def test_the_ledger_tells_what_was_adopted_and_what_is_thin(old: str, ask: Ask) -> None:
    adopt(old)

    told = ask(
        "SELECT collector, status, settled, attempts, count(*) FROM ledger GROUP BY 1, 2, 3, 4 ORDER BY 1"
    )
    assert told == [
        ("5m", "done", False, 0, 60),
        ("hourly", "partial", False, 0, 24),
        ("latest", "partial", False, 0, 32),
    ]
    assert ask("SELECT error FROM ledger WHERE collector = 'hourly' LIMIT 1") == [
        ("adopted with 62 rows, where the source gives 1000 or more",)
    ]
    assert ask("SELECT name FROM collectors ORDER BY 1") == [("5m",), ("hourly",)]
    assert ask("SELECT cause, ticks FROM gaps('hourly', '2026-10-01Z', '2026-10-02Z')") == [
        ("partial", 24)
    ]
    assert ask("SELECT ticks FROM gaps('5m', '2026-10-01Z', '2026-10-01 05:00Z')") == []


def test_a_second_run_does_nothing(old: str, ask: Ask) -> None:
    adopt(old)
    written: LiteralString = """
        SELECT (SELECT max(xmin::text::bigint) FROM adoption), (SELECT max(xmin::text::bigint) FROM ledger),
            (SELECT max(xmin::text::bigint) FROM prices_latest_1m), (SELECT count(*) FROM adopted_conflicts)
    """
    before = ask(written)

    assert begin(old, {}) == []
    assert list(work(old, JOB)) == []
    assert ask(written) == before


SCRIPT = """
import os, signal, sys
from datetime import UTC, datetime
import psycopg
from gept.collectors import load_all
from gept.store.adoption import Job, begin, reading, work

address, left = sys.argv[1], int(sys.argv[2])
reading.PAGES = 40
run = psycopg.Cursor.execute

def execute(self, *arguments, **named):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return run(self, *arguments, **named)

psycopg.Cursor.execute = execute
begin(address, {})
list(work(address, Job(load_all(), lambda: datetime(2026, 11, 22, 12, 31, 20, tzinfo=UTC))))
"""


def test_killed_anywhere_it_goes_on_and_neither_loses_nor_doubles(old: str, ask: Ask) -> None:
    ends = []
    for statements in (3, 15, 30, 45, 61, 78, 96, 113, 131, 150, 170, 191, 10_000):
        command = [sys.executable, "-c", SCRIPT, old, str(statements)]
        ends.append(subprocess.run(command, check=False, timeout=60).returncode)

    assert ends[-1] == 0
    assert ends.count(-9) >= 6
    compare_buckets(ask)
    assert all(each.proved for each in standing(old))


def test_what_gept_has_read_itself_stands(old: str, ask: Ask, empty: str) -> None:
    begin(old, {})
    database = Database(old)
    database.open()
    rows = [Average(item, BEGUN, 5, 5, 5, 5) for item in (1, 2)]
    entry = Entry(collector="5m", tick=BEGUN, status=Status.DONE, settled=True, asked=NOW, now=NOW)
    Store(database).commit(COLLECTORS["5m"], Decoded(list(rows)), entry)
    database.close()

    list(work(old, JOB))

    assert ask(
        "SELECT item_id, avg_high_price FROM price_data_5min WHERE timestamp = %s", BEGUN
    ) == [
        (1, 5),
        (2, 5),
    ]
    [(kept,)] = ask("SELECT count(*) FROM adopted_conflicts WHERE reason = 'gept_read_it'")
    [(there,)] = ask("SELECT count(*) FROM legacy.price_data_5min WHERE timestamp = %s", BEGUN)
    assert kept == there
    assert ask("SELECT attempts, rows FROM ledger WHERE collector = '5m' AND tick = %s", BEGUN) == [
        (1, 2)
    ]
    assert all(each.proved for each in standing(old))


def test_a_row_that_gets_lost_is_noticed_and_keeps_the_old_table(old: str, ask: Ask) -> None:
    begin(old, {})
    for part in work(old, JOB):
        if part.stage == "enter" and part.source == "price_data_5min":
            ask("DELETE FROM price_data_5min WHERE item_id = 8 AND timestamp < '2026-10-01 00:10Z'")
    [part] = [each for each in standing(old) if each.source == "price_data_5min"]

    assert (part.lost, part.proved) == (2, False)
    with pytest.raises(UsageError, match="2 of these found nowhere; it stays"):
        drop(old, dry=False)


def test_old_tables_go_only_when_all_is_proved_and_nobody_reads_them(old: str, ask: Ask) -> None:
    ask("CREATE VIEW newest AS SELECT max(timestamp) FROM price_data_5min")
    begin(old, {})
    with pytest.raises(UsageError, match="is not adopted yet"):
        drop(old, dry=False)
    list(work(old, JOB))
    with pytest.raises(UsageError, match="legacy.price_data_5min is read by newest"):
        drop(old, dry=False)
    ask("DROP VIEW newest")

    assert "prices_1h" in drop(old, dry=True)
    assert ask("SELECT count(*) FROM legacy.prices_1h") == [(24 * 62,)]
    drop(old, dry=False)
    assert ask("SELECT to_regnamespace('legacy')") == [(None,)]
    assert {each.stage for each in standing(old)} == {"dropped"}
    assert drop(old, dry=False) == []
    assert begin(old, {}) == []


def test_a_partitioned_table_is_adopted_with_its_parts(empty: str, ask: Ask) -> None:
    ask(
        "CREATE TABLE player_counts (timestamp timestamp, player_count int) PARTITION BY RANGE (timestamp)"
    )
    ask(
        "CREATE TABLE player_counts_a PARTITION OF player_counts FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')"
    )
    ask("CREATE TABLE player_counts_b PARTITION OF player_counts DEFAULT")
    ask("INSERT INTO player_counts VALUES ('2026-01-02 00:00:31', 7), ('2026-03-02 00:00:01', 8)")

    adopt(empty)

    assert ask("SELECT timestamp, count, fetched_at FROM player_counts ORDER BY 1") == [
        (datetime(2026, 1, 2, tzinfo=UTC), 7, datetime(2026, 1, 2, tzinfo=UTC)),
        (datetime(2026, 3, 2, tzinfo=UTC), 8, datetime(2026, 3, 2, tzinfo=UTC)),
    ]
    assert [each.part for each in standing(empty)] == ["player_counts_a", "player_counts_b"]
    assert all(each.proved for each in standing(empty))


def test_what_the_combined_collector_left_is_imported_later(address: str, query: Ask) -> None:
    query("CREATE TABLE prices_latest (item_id int, timestamp timestamptz, high int, low int)")
    query("INSERT INTO prices_latest VALUES (2, '2026-10-01 00:00:30Z', 5, 4)")

    adopt(address)

    assert query("SELECT timestamp, high, high_time FROM prices_latest_1m") == [(BEGUN, 5, None)]
    assert query("SELECT to_regclass('prices_latest')") == [(None,)]


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("CREATE TABLE ledger (id int)", "ledger: gept has something of this name; rename yours"),
        (
            "ALTER TABLE price_data_5min ALTER avg_high_price TYPE text",
            "price_data_5min.avg_high_price: its type is text; change it to",
        ),
        (
            "ALTER TABLE price_data_5min DROP COLUMN item_id",
            "price_data_5min: it has no column 'item_id'",
        ),
        (
            "CREATE SCHEMA legacy CREATE TABLE price_data_5min (id int)",
            "legacy.price_data_5min: it is there already",
        ),
    ],
)
def test_what_cannot_be_adopted_is_told_and_nothing_is_changed(
    old: str, ask: Ask, sql: LiteralString, fault: str
) -> None:
    ask(sql)

    with pytest.raises(UsageError, match=fault.replace(".", r"\.")):
        begin(old, {})
    assert [fault in each for each in plan(old).obstacles] == [True]
    assert ask("SELECT to_regclass('collectors'), to_regclass('legacy.prices_1h')") == [
        (None, None)
    ]


def run(address: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gept", "db", *arguments]
    environ = {"PATH": os.environ["PATH"], "DATABASE_URL": address, "DATA_DIR": str(folder)}
    return subprocess.run(
        command, env=environ, cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_commands_from_plan_to_drop(old: str, ask: Ask, tmp_path: Path) -> None:
    refused = run(old, tmp_path, "migrate")
    planned = run(old, tmp_path, "adopt")
    told = json.loads(run(old, tmp_path, "adopt", "--json").stdout)
    unchanged = ask("SELECT to_regnamespace('legacy'), to_regclass('ledger')")
    done = run(old, tmp_path, "adopt", "--yes")
    looked = run(old, tmp_path, "adopt")
    dropping = run(old, tmp_path, "adopt", "--drop-old")
    still = ask("SELECT to_regclass('legacy.prices_1h') IS NOT NULL")
    dropped = run(old, tmp_path, "adopt", "--drop-old", "--yes")
    after = run(old, tmp_path, "migrate")

    assert (refused.returncode, "gept db adopt" in refused.stderr) == (7, True)
    assert "not touched: predictions" in planned.stdout
    assert "repeat the key of another" in planned.stdout
    assert "nothing was changed" in planned.stdout
    [prices] = [each for each in told["tables"] if each["table"] == "price_data_5min"]
    assert (prices["unique"], prices["repeated_keys"] > 600) == ([], True)
    assert unchanged == [(None, None)]
    assert done.returncode == 0, done.stderr
    assert "price_data_5min: " in done.stdout
    assert done.stdout.count("every one found again") == 6
    assert looked.stdout.startswith("adopted and proved; `gept db adopt --drop-old` shows")
    assert "nothing was changed" in dropping.stdout
    assert still == [(True,)]
    assert "dropped: legacy.prices_1h" in dropped.stdout
    assert after.returncode == 0


def test_an_empty_database_is_nothing_to_adopt(empty: str, ask: Ask, tmp_path: Path) -> None:
    done = run(empty, tmp_path, "adopt", "--yes")

    assert (done.returncode, "nothing is there to adopt" in done.stderr) == (2, True)
    assert ask("SELECT to_regclass('ledger')") == [(None,)]
