"""Backups by the command line: saved, listed, verified, restored, rotated; killed half way."""

from __future__ import annotations

import json
import os
import signal
import stat
from pathlib import Path

import pytest

from gept.store.schema.migrate import shipped
from system.conftest import Gept, until

ROWS = """
    CREATE TABLE price_data_5min_20261119 PARTITION OF price_data_5min
        FOR VALUES FROM ('2026-11-19') TO ('2026-11-26');
    INSERT INTO price_data_5min SELECT n % 1000, '2026-11-19'::timestamptz + n / 1000 * '5min'::interval,
        n, n, n, n FROM generate_series(1, {many}) n
"""


def fill(gept: Gept, many: int) -> None:
    assert gept("db", "migrate").returncode == 0
    gept.sql(ROWS.format(many=many))


def only(folder: Path, pattern: str = "osrs_data-*") -> Path:
    (found,) = folder.glob(pattern)
    return found


@pytest.fixture
def backups(tmp_path: Path) -> Path:
    return tmp_path / "data" / "backups"


def test_a_drill(gept: Gept, backups: Path, tmp_path: Path) -> None:
    """Save, verify, lose everything, restore."""
    fill(gept, 5000)

    assert gept("backup").returncode == 0
    verified = gept("backup", "verify")
    listed = json.loads(gept("backup", "list", "--json").stdout)
    restored = gept("restore", str(only(backups)), DATA_DIR=str(tmp_path / "new"))
    again = gept("restore", str(only(backups)), DATA_DIR=str(tmp_path / "new"))

    assert verified.returncode == 0, verified.stderr
    assert "all as in the manifest" in verified.stdout
    assert listed[0]["verified"]["differences"] == []
    assert f"restored {5000 + len(shipped())} rows" in restored.stdout, restored.stderr
    assert (again.returncode, "not empty" in again.stderr) == (1, True)
    gept.environ["DATA_DIR"] = str(tmp_path / "new")
    assert (
        gept.sql("SELECT count(*), sum(high_price_volume) FROM price_data_5min") == "5000|12502500"
    )


def test_a_table_is_restored_where_it_lacks_rows(gept: Gept, backups: Path) -> None:
    fill(gept, 5000)
    span = ("--since", "2026-11-19T00:05Z", "--until", "2026-11-19T00:10Z")
    assert gept("backup", "--table", "price_data_5min", *span).returncode == 0
    gept.sql("DELETE FROM price_data_5min WHERE item_id < 500")
    gept.sql("UPDATE price_data_5min SET high_price_volume = 0 WHERE item_id = 700")
    folder = str(only(backups, "osrs_data.price_data_5min-*"))

    first, second = gept("restore", folder), gept("restore", folder, "--overwrite")

    assert first.returncode == 9
    assert "500 rows restored" in first.stdout
    assert "1 rows are stored with other values" in first.stderr
    assert second.returncode == 0
    assert "0 rows restored, 1 overwritten, 999 there already" in second.stdout


def test_old_backups_go_when_the_new_one_is_whole(gept: Gept, backups: Path) -> None:
    fill(gept, 10)
    for _ in range(2):
        assert gept("backup").returncode == 0
    stranger = backups / "osrs_data-notes"
    stranger.mkdir()

    kept = gept("backup", GEPT_BACKUP_KEEP_DAILY="1")
    assert kept.stdout.count("removed") == 2, kept.stderr
    assert stranger.exists()
    assert gept("backup").returncode == 0
    assert len(list(backups.glob("osrs_data-2*"))) == 2
    assert gept("backup", "--keep-monthly", "1").stdout.count("removed") == 2


@pytest.fixture
def slow(gept: Gept, tmp_path: Path) -> Path:
    """Let pg_dump of a server of ours begin and never end; give the file that tells it began."""
    from gept.store.embedded.programs import binaries

    folder = tmp_path / "bin"
    folder.mkdir()
    for each in binaries(None).iterdir():
        (folder / each.name).symlink_to(each)
    began = tmp_path / "began"
    program = folder / "pg_dump"
    program.unlink()
    program.write_text(
        '#!/bin/sh\n[ "$1" = -V ] && { echo "pg_dump (PostgreSQL) 18.6"; exit; }\n'
        f"echo half; tr '\\0' ' ' < /proc/$$/cmdline > {began}; exec tail -f /dev/null\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return began


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 7), (signal.SIGKILL, -9)])
def test_a_backup_that_ends_half_way_leaves_nothing_for_long(
    gept: Gept, backups: Path, slow: Path, number: signal.Signals, code: int
) -> None:
    fill(gept, 10)
    process = gept.start("backup", PG_BINDIR=str(slow.parent / "bin"))
    until(lambda: slow.exists() or process.poll() is not None)

    os.kill(process.pid, number)

    assert process.wait(20) == code, gept.log.read_text()
    assert list(backups.glob("osrs_data-*Z")) == []
    assert bool(list(backups.glob("*.part"))) == (number == signal.SIGKILL)
    if number == signal.SIGTERM:
        assert "stopped before it was done" in gept.log.read_text()
    assert gept("backup").returncode == 0
    assert list(backups.glob("*.part")) == []
    assert gept("backup", "verify").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("backup",), 1, "nothing is in"),
        (("backup", "list"), 0, ""),
        (("backup", "verify"), 1, "no backup is in"),
        (("backup", "a", "b"), 2, "name one folder"),
        (("backup", "--since", "2026-11-22"), 2, "name it with --table"),
        (("backup", "--keep-daily", "x"), 2, "not a valid integer"),
        (("restore", "/nonexistent"), 1, "is not there"),
        (("backup", ""), 2, "it is empty; name a folder"),
        (("backup", "list", ""), 2, "it is empty; name a folder"),
        (("backup", "verify", ""), 2, "it is empty; name a folder"),
        (("restore", ""), 2, "it is empty; name a folder"),
    ],
)
def test_what_cannot_be_is_a_sentence(
    gept: Gept, arguments: tuple[str, ...], code: int, told: str
) -> None:
    done = gept(*arguments)

    assert done.returncode == code
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_was_only_made_is_not_saved(gept: Gept, backups: Path) -> None:
    assert gept("db", "migrate").returncode == 0
    done = gept("backup")

    assert done.returncode == 1
    assert "nothing is in the database osrs_data yet" in done.stderr
    assert not backups.exists()


def test_a_folder_that_cannot_be_written_is_a_sentence(gept: Gept, tmp_path: Path) -> None:
    fill(gept, 10)
    (tmp_path / "file").write_text("")

    done = gept("backup", str(tmp_path / "file" / "below"))

    assert done.returncode == 1
    assert "cannot be written (Not a directory); make room, or name another" in done.stderr
    assert "by FOLDER or GEPT_BACKUP_DIR" in done.stderr
