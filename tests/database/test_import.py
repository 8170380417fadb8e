"""DuckDB files of older collectors, taken over into a database that may know better."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

from gept.cli import gept
from gept.errors import UsageError

Ask = Callable[..., list[Any]]
NOW = datetime(2026, 11, 22, 12, 31, 20, tzinfo=UTC)
ITEM_MAPPING = """
    CREATE TABLE item_mapping (
        id INTEGER PRIMARY KEY, name VARCHAR, members BOOLEAN, limit_ge INTEGER, value INTEGER,
        highalch INTEGER, lowalch INTEGER, examine VARCHAR, icon VARCHAR, last_updated TIMESTAMP)
"""
LISTED = "INSERT INTO ledger (collector, tick, status, first_asked_at, asked_at, committed_at) VALUES ('items', %s, 'done', now(), now(), now())"


def made(path: Path, *statements: str) -> str:
    with duckdb.connect(path) as connection:
        for each in statements:
            connection.execute(each)
    return str(path)


@pytest.fixture
def counts(tmp_path: Path) -> str:
    """Make two hours of counts, one of them twice, and rows that cannot be."""
    return made(
        tmp_path / "player_counts.duckdb",
        "CREATE TABLE player_counts (timestamp TIMESTAMP, player_count INTEGER)",
        "INSERT INTO player_counts SELECT TIMESTAMP '2024-01-01 00:00:07' + INTERVAL (i) MINUTE, 1000 + i FROM range(120) t (i)",
        "INSERT INTO player_counts VALUES ('2024-01-01 00:00:30', 5)",
        "INSERT INTO player_counts VALUES ('2031-01-01', 7), ('2024-01-01 09:00', -5), ('2024-01-01 09:01', NULL), ('infinity', 3)",
    )


@pytest.fixture
def items(tmp_path: Path) -> str:
    """Make a list of two items, and two rows that are none."""
    return made(
        tmp_path / "items.duckdb",
        ITEM_MAPPING,
        "INSERT INTO item_mapping VALUES (2, 'Cannonball', true, 10000, 5, 3, 2, 'Ammo.', 'C.png', '2025-01-01 03:00')",
        "INSERT INTO item_mapping VALUES (999, 'Old & gone', false, NULL, 1, 1, 1, 'x', NULL, '2025-01-01 03:00')",
        "INSERT INTO item_mapping VALUES (5, NULL, true, 1, 1, 1, 1, '', '', '2025-01-01'), (6, 'n', true, -1, 1, 1, 1, '', '', '2025-01-01')",
    )


@pytest.fixture
def run(address: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Give a function that runs the command at a fixed time."""
    monkeypatch.setenv("DATABASE_URL", address)
    monkeypatch.setattr("gept.app.now", lambda: NOW)
    monkeypatch.setattr("gept.observe.logs.configure", lambda: None)

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(gept, ["import", "duckdb", *arguments])

    return run


def test_counts_and_their_ticks_are_taken_over_once(
    run: Callable[..., Any], counts: str, query: Ask
) -> None:
    first, again = run(counts), run(counts)

    assert first.exit_code == 0
    assert "125 rows, 120 minutes, 2024-01-01 00:00:00Z to 2024-01-01 01:59:00Z" in first.output
    assert "4 rows cannot be and are left out" in first.output
    assert "1 minutes have several counts" in first.output
    assert "player_counts: 120 new, 0 were there" in first.output
    assert "player_counts: 0 new, 120 were there" in again.output
    assert query("SELECT count(*), sum(count), min(fetched_at)::text FROM player_counts") == [
        (120, sum(range(1000, 1120)), "2024-01-01 00:00:07+00")
    ]
    assert query("SELECT done, empty, other FROM ledger_days") == [(120, 0, 0)]


def test_what_is_there_stays_and_the_difference_is_told(
    run: Callable[..., Any], counts: str, query: Ask
) -> None:
    query("INSERT INTO player_counts VALUES ('2024-01-01 00:03Z', 77, now())")

    done = run(counts)

    assert "2024-01-01 00:03:00Z: 77 is kept; the file has 1003" in done.output
    assert "119 new, 1 were there, 1 of them with another count, which stays" in done.output
    assert query("SELECT count FROM player_counts WHERE timestamp = '2024-01-01 00:03Z'") == [(77,)]


def test_a_gap_is_none_once_its_count_is_there(
    run: Callable[..., Any], counts: str, query: Ask
) -> None:
    failed = "INSERT INTO ledger (collector, tick, status, error, first_asked_at, asked_at) VALUES ('players', '2024-01-01 00:03Z', 'failed', 'away', now(), now())"
    query(failed)

    run(counts)

    assert query("SELECT status, error FROM ledger WHERE tick = '2024-01-01 00:03Z'") == [
        ("done", None)
    ]


def test_items_that_are_not_known_are_entered_as_no_longer_listed(
    run: Callable[..., Any], items: str, query: Ask
) -> None:
    query(LISTED, "2026-01-01Z")
    query(
        "INSERT INTO items (item_id, name, buy_limit, last_seen) VALUES (2, 'Steel cannonball', 11000, '2026-11-22Z')"
    )

    done, again = run(items), run(items)

    assert "items: 1 new, 1 were there and stay as they are" in done.output
    assert "items: 0 new, 2 were there" in again.output
    assert "item_history: 0 new" in again.output
    found = "SELECT name, buy_limit, last_seen::date::text, removed_at::date::text, tradeable FROM items ORDER BY item_id"
    assert query(found) == [
        ("Steel cannonball", 11000, "2026-11-22", None, True),
        ("Old & gone", None, "2025-01-01", "2026-01-01", False),
    ]


def test_how_items_were_before_gept_knew_them_is_their_history(
    run: Callable[..., Any], items: str, query: Ask
) -> None:
    query(LISTED, "2026-01-01Z")
    query(
        "INSERT INTO items (item_id, name, buy_limit, last_seen) VALUES (2, 'Ball', 11000, '2026-01-01Z')"
    )
    query("UPDATE items SET name = 'Steel cannonball', last_seen = '2026-02-01Z'")

    run(items)

    history = "SELECT changed_at::date::text, old_value, new_value FROM item_history WHERE field = %s ORDER BY 1"
    assert query(history, "buy_limit") == [("2026-01-01", "10000", "11000")]
    assert query(history, "name") == [
        ("2026-01-01", "Cannonball", "Ball"),
        ("2026-02-01", "Ball", "Steel cannonball"),
    ]


def test_a_dry_run_tells_the_same_and_writes_nothing(
    run: Callable[..., Any], counts: str, items: str, query: Ask
) -> None:
    done = run(counts, items, "--dry-run")

    assert "player_counts: 120 would be new" in done.output
    assert "items: 2 would be new" in done.output
    assert "nothing was imported" in done.output
    for table in ("player_counts", "items", "ledger", "item_history"):
        assert query(f"SELECT count(*) FROM {table}") == [(0,)]


def test_one_bad_file_of_two_and_nothing_is_done(
    run: Callable[..., Any], counts: str, tmp_path: Path, query: Ask
) -> None:
    other = made(tmp_path / "other.duckdb", "CREATE TABLE t (a INTEGER, b INTEGER)")

    done = run(counts, other)

    assert isinstance(done.exception, UsageError)
    assert "other.duckdb: holds t (a, b); what is expected: player counts (" in str(done.exception)
    assert query("SELECT count(*) FROM player_counts") == [(0,)]


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_torn_file_is_told_in_a_sentence(
    run: Callable[..., Any], tmp_path: Path, query: Ask, share: float
) -> None:
    whole = made(
        tmp_path / "whole.duckdb",
        "CREATE TABLE p (timestamp TIMESTAMP, count BIGINT)",
        "INSERT INTO p SELECT TIMESTAMP '2024-01-01' + INTERVAL (i) MINUTE, hash(i) % 5000000 FROM range(200000) t (i)",
    )
    torn = tmp_path / "torn.duckdb"
    data = Path(whole).read_bytes()
    torn.write_bytes(data[: int(len(data) * share)])

    done = run(str(torn))

    assert isinstance(done.exception, UsageError)
    assert "torn.duckdb: cannot be read: it is cut or damaged" in str(done.exception)
    assert query("SELECT count(*) FROM player_counts") == [(0,)]


def test_a_column_of_another_type_is_named(run: Callable[..., Any], tmp_path: Path) -> None:
    file = made(tmp_path / "odd.duckdb", "CREATE TABLE p (timestamp VARCHAR, count BIGINT)")

    done = run(file)

    assert "looks like player counts, but timestamp is VARCHAR, not TIMESTAMP" in str(
        done.exception
    )


def test_what_is_no_duckdb_file_is_told(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "x").write_text("hello")

    assert "x: is no DuckDB file" in str(run(str(tmp_path / "x")).exception)


def test_without_the_extra_it_names_the_extra(
    run: Callable[..., Any], counts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)

    assert f"{sys.executable} -m pip install 'gept[duckdb]'" in str(run(counts).exception)
