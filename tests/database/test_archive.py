"""Closed days into an archive and back: exact, again and again, and never half."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow.dataset
import pyarrow.parquet
import pytest
from click.testing import CliRunner

from gept.archive import places
from gept.archive.places import Folder
from gept.archive.restoring import restore
from gept.archive.shelf import Shelf
from gept.archive.writing import Archive, Outcome, Terms
from gept.cli import gept
from gept.cli.exits import Exit
from gept.errors import ArchiveError, GeptError, UsageError
from gept.model import Collector, Row, Table
from gept.store import Database, Store
from gept.store.copying.closed import Closed, closed
from gept.store.layouts import plain

Ask = Callable[..., list[Any]]
Run = Callable[..., Any]
NOW = datetime(2026, 11, 22, 12, 31, 20, tzinfo=UTC)
FIRST = datetime(2026, 9, 3, tzinfo=UTC)
DAY = timedelta(days=1)
WEEK = [(FIRST + number * DAY).date() for number in range(7)]
ROWS = """
    INSERT INTO {table}
    SELECT item, %s::timestamptz + tick * %s::interval, 2147483648 * item + tick, nullif(tick %% 3, 0), nullif(item, 2), 4611686018427387904
    FROM generate_series(1, 3) AS item, generate_series(0, %s - 1) AS tick WHERE item + tick <> 2
"""
LATEST = """
    INSERT INTO prices_latest_1m
    SELECT item, %s::timestamptz + tick * interval '1 minute', item, %s::timestamptz - tick * interval '1 second', NULL, NULL
    FROM generate_series(1, 3) AS item, generate_series(0, 1439, 7) AS tick
"""
TICKS = """
    INSERT INTO ledger (collector, tick, status, settled, rows, first_asked_at, asked_at, committed_at, digest)
    SELECT %s, %s::timestamptz + tick * %s::interval, CASE tick %% 5 WHEN 4 THEN 'empty' ELSE 'done' END, true, CASE WHEN tick < 2 THEN 2 ELSE 3 END, %s, %s, %s, '\\x00ff'
    FROM generate_series(0, %s - 1) AS tick
"""
TABLES = {"5m": "price_data_5min", "hourly": "prices_1h", "latest": "prices_latest_1m"}
ALL = "SELECT * FROM {} ORDER BY 1, 2"


@pytest.fixture
def fill(database: Database, store: Store, collectors: dict[str, Collector], query: Ask) -> Run:
    """Give a function that fills days of a collector, rows and ledger."""

    def fill(name: str, *days: date) -> None:
        collector = collectors[name]
        step = collector.schedule.interval
        assert collector.table.partition is not None
        for day in days:
            begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
            with database.transaction() as cursor:
                plain.ensure(cursor, TABLES[name], collector.table.partition, begin, begin + DAY)
            if name == "latest":
                query(LATEST, begin, begin)
            else:
                query(ROWS.format(table=TABLES[name]), begin, step, DAY // step)
            query(TICKS, name, begin, step, begin, begin, begin, DAY // step)
            store.want(collector, begin, begin + DAY)

    return fill


@pytest.fixture
def days(address: str) -> Iterator[Closed]:
    """Give the days of the database."""
    with closed(address) as days:
        yield days


@pytest.fixture
def run(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give a function that runs `gept archive` at a fixed time."""
    monkeypatch.setenv("DATABASE_URL", address)
    monkeypatch.setenv("GEPT_ARCHIVE", str(tmp_path / "archive"))
    monkeypatch.setattr("gept.app.now", lambda: NOW)
    monkeypatch.setattr("gept.observe.logs.configure", lambda: None)
    return lambda *arguments: CliRunner().invoke(gept, ["archive", *arguments])


@pytest.fixture
def shelf(tmp_path: Path, collectors: dict[str, Collector]) -> Shelf:
    """Give the place of five-minute prices in a folder."""
    return Shelf(Folder(tmp_path / "archive"), collectors["5m"])


def file_of(tmp_path: Path, day: date, table: str = "price_data_5min") -> Path:
    return tmp_path / f"archive/table={table}/year={day:%Y}/month={day:%m}/{day}.parquet"


def manifest_of(tmp_path: Path, day: date) -> Any:
    return json.loads(file_of(tmp_path, day).with_name(f"_{day}.json").read_bytes())


def forget(query: Ask, table: str) -> None:
    """Empty a table and what is known of it, as in a new database."""
    for each in (table, "ledger", "collectors"):
        query(f"DELETE FROM {each}")


@pytest.mark.parametrize("name", TABLES)
def test_a_day_comes_back_as_it_was_with_its_ledger(
    run: Run, fill: Run, query: Ask, name: str
) -> None:
    fill(name, WEEK[0])
    looks = (
        ALL.format(TABLES[name]),
        ALL.format("ledger"),
        ALL.format("ledger_days"),
        ALL.format("completeness"),
    )
    before = [query(each) for each in looks]

    assert run(name).exit_code == 0
    forget(query, TABLES[name])
    restored = run("restore", TABLES[name])

    assert restored.exit_code == 0, restored.exception
    assert "1 days brought back" in restored.output
    assert before[0]
    assert before[3]
    assert [query(each) for each in looks] == before


def test_others_can_read_it(run: Run, fill: Run, tmp_path: Path, query: Ask) -> None:
    fill("5m", *WEEK[:2])

    run("5m")

    table = pyarrow.dataset.dataset(tmp_path / "archive", partitioning="hive").to_table()
    file = pyarrow.parquet.ParquetFile(file_of(tmp_path, WEEK[0]))
    assert table.num_rows == query("SELECT count(*) FROM price_data_5min")[0][0]
    assert {"item_id", "timestamp", "table", "year", "month"} <= set(table.column_names)
    assert str(file.schema_arrow.field("timestamp").type) == "timestamp[us, tz=UTC]"
    assert {str(each.type) for each in file.schema_arrow if each.name != "timestamp"} == {"int64"}
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    keys = [(row["item_id"], row["timestamp"]) for row in file.read().to_pylist()]
    assert keys == sorted(keys)
    assert json.loads(file.schema_arrow.metadata[b"gept"])["schema"] == 1


def test_only_complete_settled_days_that_are_over_are_archived(
    run: Run, fill: Run, query: Ask, tmp_path: Path
) -> None:
    fill("5m", *WEEK[:3], NOW.date())
    query("UPDATE ledger SET status = 'failed' WHERE tick = %s", FIRST)
    query("UPDATE ledger SET settled = false WHERE tick = %s", FIRST + DAY)

    done = run("5m")

    assert "price_data_5min 2026-09-03: left: 1 ticks are missing" in done.output
    assert "price_data_5min 2026-09-04: left: 1 ticks are not settled" in done.output
    assert "price_data_5min 2026-09-05: archived: 862 rows" in done.output
    assert [each.name for each in (tmp_path / "archive").rglob("*.parquet")] == [
        "2026-09-05.parquet"
    ]


def test_a_minute_that_is_lost_for_good_keeps_its_day_out_unless_told_otherwise(
    run: Run, fill: Run, query: Ask
) -> None:
    fill("latest", WEEK[0])
    query("UPDATE ledger SET status = 'failed' WHERE tick = %s", FIRST)

    assert "left: 1 ticks are missing" in run("latest").output
    assert "2026-09-03: archived: 618 rows" in run("latest", "--gaps").output


def test_what_is_archived_is_not_written_again(run: Run, fill: Run, tmp_path: Path) -> None:
    fill("5m", *WEEK[:2])
    run("5m")
    before = {each: each.stat().st_mtime_ns for each in (tmp_path / "archive").rglob("*.*")}

    again = run("5m")

    assert "price_data_5min 2026-09-03 to 2026-09-04: archived already" in again.output
    assert {each: each.stat().st_mtime_ns for each in (tmp_path / "archive").rglob("*.*")} == before


def test_a_correction_makes_a_new_version_and_the_old_one_stays(
    run: Run, fill: Run, tmp_path: Path, query: Ask
) -> None:
    fill("5m", WEEK[0])
    run("5m")
    old = file_of(tmp_path, WEEK[0]).read_bytes()
    query("UPDATE price_data_5min SET avg_high_price = 7 WHERE timestamp = %s", FIRST)
    query("UPDATE ledger SET committed_at = now(), revisions = 1 WHERE tick = %s", FIRST)

    again = run("5m")

    assert "2026-09-03: archived anew: it has changed: 862 rows" in again.output
    found = manifest_of(tmp_path, WEEK[0])
    assert found["version"] == 2
    assert [each["version"] for each in found["replaced"]] == [1]
    assert file_of(tmp_path, WEEK[0]).with_name("_2026-09-03.v1.parquet").read_bytes() == old
    assert pyarrow.dataset.dataset(tmp_path / "archive").count_rows() == 862
    assert run("verify").exit_code == 0


def test_a_change_that_the_ledger_does_not_know_is_found_by_check(
    run: Run, fill: Run, query: Ask
) -> None:
    fill("5m", WEEK[0])
    run("5m")
    query("UPDATE price_data_5min SET avg_high_price = 7 WHERE timestamp = %s", FIRST)

    assert "archived already" in run("5m").output
    assert "archived anew" in run("5m", "--check").output


def test_rows_that_the_database_lost_stay_in_the_archive(
    run: Run, fill: Run, tmp_path: Path, query: Ask
) -> None:
    fill("5m", WEEK[0])
    run("5m")
    whole = file_of(tmp_path, WEEK[0]).read_bytes()
    query("DELETE FROM price_data_5min WHERE timestamp = %s", FIRST)

    checked = run("5m", "--check")
    kept = file_of(tmp_path, WEEK[0]).read_bytes()
    run("restore", "5m", "--replace")

    assert checked.exit_code == Exit.DIFFERENT
    assert "2026-09-03: left: the database lacks 2 of the 862 archived rows" in checked.output
    assert "`gept archive restore --replace`" in checked.output
    assert kept == whole
    assert "archived already" in run("5m", "--check").output


def test_rows_that_a_correction_took_away_go(run: Run, fill: Run, query: Ask) -> None:
    fill("5m", WEEK[0])
    run("5m")
    query("DELETE FROM price_data_5min WHERE timestamp = %s", FIRST)
    query("UPDATE ledger SET rows = 0, revisions = 3 WHERE tick = %s", FIRST)

    assert "archived anew" in run("5m").output


def test_a_day_of_which_rows_vanished_is_left_unless_that_is_accepted(
    run: Run, fill: Run, tmp_path: Path, query: Ask
) -> None:
    fill("5m", *WEEK[:2])
    query("DELETE FROM price_data_5min WHERE timestamp = %s", FIRST + DAY)
    later = FIRST + DAY + timedelta(hours=1)
    query("DELETE FROM price_data_5min WHERE timestamp = %s AND item_id = 3", later)

    left, taken, listed = run("5m"), run("5m", "--accept"), run("list")

    assert "2026-09-03: archived: 862 rows" in left.output
    assert (
        "2026-09-04: left: 3 rows are gone that the ledger tells of, in 2 ticks from "
        "2026-09-04 00:00Z on; `gept once 5m --at 2026-09-04T00:00Z` asks for one again"
    ) in left.output
    assert (left.exit_code, taken.exit_code) == (Exit.DIFFERENT, Exit.OK)
    assert "2026-09-04: archived: 859 rows, " in taken.output
    assert ", 3 rows too few" in taken.output
    assert [manifest_of(tmp_path, day)["lacking"] for day in WEEK[:2]] == [0, 3]
    assert [line.endswith("3 rows too few") for line in listed.output.splitlines()[:2]] == [
        False,
        True,
    ]


def test_rows_that_the_ledger_does_not_tell_of_are_archived(
    run: Run, fill: Run, query: Ask
) -> None:
    fill("5m", WEEK[0])
    query("UPDATE ledger SET rows = rows - 1")

    assert "2026-09-03: archived: 862 rows" in run("5m").output


def test_an_older_version_comes_back_by_its_number(
    run: Run, fill: Run, query: Ask, tmp_path: Path
) -> None:
    fill("5m", WEEK[0])
    first = query(ALL.format("price_data_5min"))
    run("5m")
    for price in (7, 8):
        query("UPDATE price_data_5min SET avg_high_price = %s WHERE timestamp = %s", price, FIRST)
        run("5m", "--check")
    newest = query(ALL.format("price_data_5min"))

    listed, told = run("list").output, json.loads(run("list", "--json").output)
    none = run("restore", "5m", "--version", "4", "--replace")
    old = run("restore", "5m", "--version", "1", "--replace")
    then = query(ALL.format("price_data_5min"))
    run("restore", "5m", "--version", "3", "--replace")

    assert "  before: 862 rows, version 1\n  before: 862 rows, version 2\n" in listed
    assert [each["version"] for each in told["days"][0]["replaced"]] == [1, 2]
    assert isinstance(none.exception, ArchiveError)
    assert "price_data_5min 2026-09-03: has no version 4; `gept archive list`" in str(
        none.exception
    )
    assert old.exit_code == 0
    assert then == first
    assert query(ALL.format("price_data_5min")) == newest != first


def test_a_version_that_one_of_the_days_lacks_brings_none_back(
    run: Run, fill: Run, query: Ask
) -> None:
    fill("5m", *WEEK[:2])
    run("5m")
    query("UPDATE price_data_5min SET avg_high_price = 7 WHERE timestamp = %s", FIRST)
    run("5m", "--check")

    refused = run("restore", "5m", "--version", "2", "--replace")

    assert "2026-09-04: has no version 2" in str(refused.exception)
    assert refused.output == ""


def test_a_damaged_older_version_brings_nothing_back(
    run: Run, fill: Run, query: Ask, tmp_path: Path
) -> None:
    fill("5m", WEEK[0])
    run("5m")
    query("UPDATE price_data_5min SET avg_high_price = 7 WHERE timestamp = %s", FIRST)
    run("5m", "--check")
    old = file_of(tmp_path, WEEK[0]).with_name("_2026-09-03.v1.parquet")
    old.write_bytes(old.read_bytes()[:-1] + b"?")

    refused = run("restore", "5m", "--version", "1", "--replace")

    assert "_2026-09-03.v1.parquet: is not the file of its manifest" in str(refused.exception)
    assert query("SELECT max(avg_high_price) FROM price_data_5min WHERE timestamp = %s", FIRST) == [
        (7,)
    ]


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_a_place_that_is_not_there_is_no_empty_archive(
    run: Run, tmp_path: Path, as_json: tuple[str, ...]
) -> None:
    absent = run("list", *as_json)
    (tmp_path / "archive").mkdir()
    empty = run("list", *as_json)

    assert isinstance(absent.exception, UsageError)
    assert str(absent.exception).startswith(f"{tmp_path / 'archive'}: no archive is there")
    assert absent.output == ""
    assert empty.exit_code == 0


def test_a_place_without_days_is_no_place_that_was_verified(run: Run) -> None:
    verified = run("verify")

    assert isinstance(verified.exception, UsageError)
    assert "has no day to verify" in str(verified.exception)


@pytest.mark.parametrize(("where", "fault"), [("file", "is a file"), ("s3://", "names no bucket")])
def test_a_place_that_cannot_be_is_refused(
    run: Run, tmp_path: Path, where: str, fault: str
) -> None:
    (tmp_path / "file").touch()
    named = where if "://" in where else str(tmp_path / where)

    refused = run("write", "5m", "--to", named)

    assert fault in str(refused.exception)


@pytest.mark.parametrize("killed_at", range(4))
def test_a_run_that_is_killed_is_made_good_by_the_next(
    days: Closed, shelf: Shelf, fill: Run, query: Ask, killed_at: int
) -> None:
    fill("5m", WEEK[0])
    span = (FIRST, FIRST + DAY)
    list(Archive(days, shelf, NOW).write(*span))
    query("UPDATE price_data_5min SET avg_high_price = 7 WHERE timestamp = %s", FIRST)
    dying = Shelf(Dying(shelf.place, killed_at), shelf.collector)

    with pytest.raises(KeyboardInterrupt):
        list(Archive(days, dying, NOW, Terms(check=True)).write(*span))
    [told] = Archive(days, shelf, NOW, Terms(check=True)).write(*span)

    assert told.outcome is Outcome.AGAIN
    assert shelf.verify(WEEK[0]).version == 2


class Dying:
    """A place whose process is killed after so many files."""

    def __init__(self, place: places.Place, after: int) -> None:
        self.get, self.size, self.names = place.get, place.size, place.names
        self.exists = place.exists
        self._place = place
        self._left = after

    def put(self, name: str, data: bytes) -> None:
        if self._left == 0:
            raise KeyboardInterrupt
        self._left -= 1
        self._place.put(name, data)


def test_a_file_that_is_read_other_than_it_was_written_does_not_count(
    run: Run, fill: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fill("5m", WEEK[0])
    real = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda self: real(self)[:-1] + b"?")

    done = run("5m")

    assert "was read other than it was written" in str(done.exception)
    assert not list((tmp_path / "archive").rglob("*.*et*"))


def test_values_that_parquet_would_change_are_found(
    run: Run, fill: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gept.archive import parquet

    fill("5m", WEEK[0])
    real = parquet.decode

    def changed(table: Table, data: bytes) -> Iterator[list[Row]]:
        return ([(*row[:-1], 1) for row in rows] for rows in real(table, data))

    monkeypatch.setattr(parquet, "decode", changed)

    assert "was read from Parquet as" in str(run("5m").exception)


DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "cut": (lambda data: data[:-10], "it is cut, or another file"),
    "changed": (lambda data: data[:50] + bytes([data[50] ^ 1]) + data[51:], "is damaged"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_brings_nothing_back(
    run: Run, fill: Run, tmp_path: Path, query: Ask, damage: str
) -> None:
    fill("5m", WEEK[0])
    run("5m")
    forget(query, "price_data_5min")
    change, said = DAMAGES[damage]
    file = file_of(tmp_path, WEEK[0])
    file.write_bytes(change(file.read_bytes()))

    restored, verified = run("restore", "5m"), run("verify")

    assert isinstance(restored.exception, ArchiveError)
    assert said in str(restored.exception)
    assert verified.exit_code == Exit.DIFFERENT
    assert said in verified.output
    assert query("SELECT count(*) FROM price_data_5min") == [(0,)]
    assert query("SELECT count(*) FROM ledger") == [(0,)]


def test_a_file_whose_rows_are_not_those_of_its_manifest_brings_nothing_back(
    run: Run, fill: Run, tmp_path: Path, query: Ask
) -> None:
    fill("5m", *WEEK[:2])
    run("5m")
    forget(query, "price_data_5min")
    one, other = (file_of(tmp_path, day) for day in WEEK[:2])
    manifest = manifest_of(tmp_path, WEEK[0])
    about = {name: manifest_of(tmp_path, WEEK[1])[name] for name in ("bytes", "sha256")}
    one.with_name(f"_{WEEK[0]}.json").write_text(json.dumps({**manifest, **about}))
    one.write_bytes(other.read_bytes())

    restored = run("restore", "5m", "--until", "2026-09-04")

    assert isinstance(restored.exception, GeptError)
    assert query("SELECT count(*) FROM price_data_5min") == [(0,)]
    assert run("verify").exit_code == Exit.DIFFERENT


@pytest.mark.parametrize("content", [b"{}", b"hello", b'{"form": 99}'])
def test_what_is_no_manifest_is_told(run: Run, tmp_path: Path, content: bytes) -> None:
    file = file_of(tmp_path, WEEK[0]).with_name("_2026-09-03.json")
    file.parent.mkdir(parents=True)
    file.write_bytes(content)

    assert "_2026-09-03.json: is no manifest of gept" in str(run("restore", "5m").exception)


def test_other_rows_stay_unless_they_are_to_be_replaced(run: Run, fill: Run, query: Ask) -> None:
    fill("5m", WEEK[0])
    before = query(ALL.format("price_data_5min"))
    run("5m")
    query("UPDATE price_data_5min SET avg_high_price = 7 WHERE timestamp = %s", FIRST)

    refused, changed = (
        run("restore", "5m"),
        query("SELECT min(avg_high_price) FROM price_data_5min"),
    )
    replaced, again = run("restore", "5m", "--replace"), run("restore", "5m")

    assert isinstance(refused.exception, UsageError)
    assert "add --replace" in str(refused.exception)
    assert changed == [(7,)]
    assert replaced.exit_code == 0
    assert query(ALL.format("price_data_5min")) == before
    assert "2026-09-03: was there already" in again.output


def test_ticks_that_are_good_here_stay_and_others_are_those_of_the_archive(
    run: Run, fill: Run, query: Ask
) -> None:
    fill("5m", WEEK[0])
    run("5m")
    query("DELETE FROM price_data_5min")
    query("UPDATE ledger SET attempts = 9")
    query("UPDATE ledger SET status = 'failed', error = 'x' WHERE tick = %s", FIRST)

    run("restore", "5m")

    found = "SELECT status, error, attempts FROM ledger ORDER BY tick LIMIT 2"
    assert query(found) == [("done", None, 1), ("done", None, 9)]


def test_a_whole_partition_is_dropped_when_confirmed_and_comes_back(
    run: Run, fill: Run, query: Ask, store: Store, collectors: dict[str, Collector]
) -> None:
    fill("5m", *WEEK)
    before = query(ALL.format("price_data_5min"))
    drop = ("5m", "--older-than", "30d", "--drop", "--force")

    shown, untouched = run(*drop), query("SELECT count(*) FROM price_data_5min")
    done = run(*drop, "--yes")

    assert "would be dropped: 2026-09-03 00:00:00Z to 2026-09-10" in shown.output
    assert "nothing was dropped; add --yes" in shown.output
    assert untouched == [(len(before),)]
    assert "1 parts dropped" in done.output
    assert query("SELECT count(*) FROM price_data_5min") == [(0,)]
    assert query("SELECT count(*), sum(rows), min(table_name) FROM dropped_days") == [
        (7, len(before), "price_data_5min")
    ]

    assert "7 days brought back" in run("restore", "5m").output
    assert query(ALL.format("price_data_5min")) == before
    assert query("SELECT count(*) FROM dropped_days") == [(0,)]


def test_dropped_days_are_neither_claimed_nor_missed_nor_fetched_again(
    run: Run, fill: Run, query: Ask, store: Store, collectors: dict[str, Collector]
) -> None:
    fill("5m", *WEEK)
    fill("hourly", *WEEK)
    five, until = collectors["5m"], FIRST + timedelta(days=8)
    run("5m", "--older-than", "30d", "--drop", "--force", "--yes")

    store.want(five, FIRST, until)
    reopened = store.reopen(five, FIRST, until)
    left = store.missing(five, FIRST, FIRST + 7 * DAY)
    hours = query(
        "SELECT count(*) FROM complete_hours('5m', %s, %s) WHERE complete", FIRST, FIRST + 7 * DAY
    )
    verified = CliRunner().invoke(
        gept, ["verify", "hourly", "--since", "2026-09-03", "--until", "2026-09-10"]
    )

    assert (reopened, left, hours) == (0, [], [(0,)])
    assert [each.since for each in store.gaps(five, FIRST, until)] == [FIRST + 7 * DAY]
    assert query("SELECT day FROM completeness WHERE collector = '5m' AND done > 0") == []
    assert "nothing to compare" in verified.output
    assert "left: its rows are only in the archive already" in run("5m").output


def test_a_partition_of_which_anything_is_not_archived_stays(
    run: Run, fill: Run, query: Ask
) -> None:
    fill("5m", *WEEK)
    query("UPDATE ledger SET status = 'failed' WHERE tick = %s", FIRST)

    done = run("5m", "--older-than", "30d", "--drop", "--force", "--yes")

    assert "stays: 2026-09-03 00:00:00Z to 2026-09-10" in done.output
    assert "2026-09-03 is not archived" in done.output
    assert query("SELECT count(DISTINCT timestamp::date) FROM price_data_5min") == [(7,)]


def test_a_partition_that_changes_before_it_is_dropped_stays(
    days: Closed, shelf: Shelf, fill: Run, query: Ask
) -> None:
    from gept.archive.dropping import Dropping

    fill("5m", *WEEK)
    span = (FIRST, FIRST + 7 * DAY)
    list(Archive(days, shelf, NOW).write(*span))
    [(part, why)] = Dropping(days, shelf).parts(*span)
    query("UPDATE price_data_5min SET avg_high_price = 7 WHERE timestamp = %s", FIRST)

    with pytest.raises(ArchiveError, match="2026-09-03: has changed since it was archived"):
        Dropping(days, shelf).drop(part)

    assert why == ""
    assert query("SELECT count(*) FROM dropped_days") == [(0,)]
    assert query("SELECT count(DISTINCT timestamp::date) FROM price_data_5min") == [(7,)]


def test_a_day_that_is_broken_off_leaves_nothing(
    days: Closed, shelf: Shelf, fill: Run, query: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill("5m", WEEK[0])
    list(Archive(days, shelf, NOW).write(FIRST, FIRST + DAY))
    forget(query, "price_data_5min")
    rows = list(chain.from_iterable(shelf.rows(m := shelf.verify(WEEK[0]), shelf.file(m))))
    monkeypatch.setattr(Shelf, "rows", lambda *_: iter([rows[:400]]))

    with pytest.raises(ArchiveError, match="the rows of the file are not those of the manifest"):
        restore(days, shelf, WEEK[0], replace=False)

    assert query("SELECT count(*) FROM price_data_5min") == [(0,)]


def test_the_list_has_each_day(run: Run, fill: Run) -> None:
    fill("5m", *WEEK[:2])
    run("5m")

    listed, told = run("list"), json.loads(run("list", "--json").output)

    assert "price_data_5min 2026-09-03       862 rows" in listed.output
    assert "2 days, " in listed.output
    assert [each["day"] for each in told["days"]] == ["2026-09-03", "2026-09-04"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("items",), "NAME: 'items' has no days that can be archived; take one of 5m (price"),
        (("5m", "--older-than", "long"), "--older-than: 'long' is not a length of time"),
        (("5m", "--since", "2026-11-22"), "--since: 2026-11-22 00:00:00Z leaves no whole day"),
        (("hourly", "--gaps"), "--gaps: what is missing of hourly is not missing for good; fetch"),
        (("latest", "--accept"), "--accept: of latest nobody knows how many rows a tick must have"),
        (("hourly", "--yes"), "--yes: has no meaning without --drop"),
        (("hourly", "--drop"), "--drop: days of the last 14 days stay"),
        (("5m", "--drop", "--older-than", "30d"), "add --force"),
        (("5m", "--to", "ftp://x"), "'ftp://x' is no place; name a folder, or s3://"),
        (("restore", "5m"), "has no day of price_data_5min"),
    ],
)
def test_what_cannot_be_is_told(run: Run, arguments: tuple[str, ...], said: str) -> None:
    done = run(*arguments)

    assert isinstance(done.exception, UsageError)
    assert said in str(done.exception)


@pytest.mark.parametrize("missing", ["pyarrow", "pyarrow.parquet"])
def test_without_the_extra_it_names_the_extra(
    run: Run, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)

    assert f"{sys.executable} -m pip install 'gept[archive]'" in str(run("5m").exception)


def test_a_folder_that_cannot_be_written_is_told(run: Run, fill: Run, tmp_path: Path) -> None:
    fill("5m", WEEK[0])
    (tmp_path / "file").write_text("")

    done = run("5m", "--to", str(tmp_path / "file" / "archive"))

    assert isinstance(done.exception, ArchiveError)
    assert "Not a directory" in str(done.exception)
