"""Which backups stay, and what health is told of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from backups import make
from prometheus_client import generate_latest
from prometheus_client.registry import CollectorRegistry

from gept.app.lookout import Lookout
from gept.backup import folder as folders
from gept.backup import manifest, rotation
from gept.backup.folder import Backup
from gept.backup.manifest import Part
from gept.backup.rotation import Keep
from gept.cli.moments import from_json, in_json
from gept.errors import BackupError
from gept.observe.backups import BackupSeries
from gept.observe.health import Health

NOW = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)


@pytest.fixture
def year(tmp_path: Path) -> list[Backup]:
    """Give a backup of each of 400 nights."""
    return [make(tmp_path, NOW - timedelta(days=days)) for days in range(400)]


def days_kept(backups: list[Backup], keep: Keep) -> list[str]:
    gone = {each.folder for each in keep.surplus(backups)}
    kept = [each.manifest.created_at for each in backups if each.folder not in gone]
    return [f"{at:%Y-%m-%d}" for at in kept]


def test_the_newest_of_days_weeks_and_months_stay(year: list[Backup]) -> None:
    assert days_kept(year, Keep(daily=3)) == ["2026-11-22", "2026-11-21", "2026-11-20"]
    assert days_kept(year, Keep(weekly=3)) == ["2026-11-22", "2026-11-15", "2026-11-08"]
    assert days_kept(year, Keep(monthly=3)) == ["2026-11-22", "2026-10-31", "2026-09-30"]
    assert len(days_kept(year, Keep(7, 4, 12))) == 7 + 3 + 11


def test_nothing_goes_where_nothing_is_said(year: list[Backup]) -> None:
    assert Keep().surplus(year) == []


def test_the_newest_of_a_day_is_the_one_that_stays(tmp_path: Path) -> None:
    early, late = make(tmp_path, NOW), make(tmp_path, NOW + timedelta(hours=20))

    assert Keep(daily=9).surplus([early, late]) == [early]


def test_a_file_that_is_no_backup_is_named(tmp_path: Path) -> None:
    stray = tmp_path / "notes.txt"
    stray.touch()

    with pytest.raises(BackupError, match=r"notes\.txt is no backup of gept"):
        folders.open_backup(stray)


def test_backups_of_tables_stay(tmp_path: Path) -> None:
    part = make(tmp_path, NOW, Part("t", (), ("id",)))
    newer = make(tmp_path, NOW + timedelta(days=1))

    assert Keep(daily=1).surplus([part, newer]) == []


def test_what_is_removed_is_gone(tmp_path: Path) -> None:
    old, new = make(tmp_path, NOW), make(tmp_path, NOW + timedelta(days=1))
    rotation.remove(old)

    assert [each.folder for each in folders.listed(tmp_path)[0]] == [new.folder]
    with pytest.raises(BackupError, match="cannot be removed"):
        rotation.remove(old)


def test_two_of_one_second_have_names_of_their_own(tmp_path: Path) -> None:
    assert make(tmp_path, NOW).folder.name == "osrs-20261122T023000Z"
    assert make(tmp_path, NOW).folder.name == "osrs-20261122T023000Z-2"


@pytest.fixture
def health() -> Health:
    return Health([], lambda: NOW)


def series(health: Health) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(BackupSeries(lambda: health.saved))
    lines = generate_latest(registry).decode().splitlines()
    return {
        name.removeprefix("gept_backup_"): float(value)
        for name, value in (each.split() for each in lines if not each.startswith("#"))
    }


def test_nothing_is_told_where_there_is_no_backup(health: Health, tmp_path: Path) -> None:
    Lookout(tmp_path / "absent", health).look()

    assert series(health) == {}


def test_the_newest_sound_backup_is_told(health: Health, tmp_path: Path) -> None:
    good = make(tmp_path, NOW)
    make(tmp_path, NOW + timedelta(days=1), Part("t", (), ("id",)))
    cut = make(tmp_path, NOW + timedelta(days=2))
    cut.file.write_bytes(b"12")
    folders.judge(good, NOW + timedelta(days=3), [])
    torn = make(tmp_path, NOW + timedelta(days=4))
    (torn.folder / manifest.NAME).write_text("{")

    Lookout(tmp_path, health).look()

    at = NOW.timestamp()
    assert series(health) == {
        "last_success_timestamp": at,
        "last_verified_timestamp": at + 3 * 86400,
        "faulty": 2,
    }


def test_a_backup_that_differs_is_no_good_one(health: Health, tmp_path: Path) -> None:
    folders.judge(make(tmp_path, NOW), NOW, ["t: 2 rows, and the manifest has 1"])

    Lookout(tmp_path, health).look()

    assert series(health) == {"faulty": 1}


def test_a_folder_that_cannot_be_read_leaves_what_was_known(health: Health, tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    make(backups, NOW)
    lookout = Lookout(backups, health)
    lookout.look()
    before = series(health)
    backups.rename(tmp_path / "elsewhere")
    backups.write_text("a file in its place")

    lookout.look()

    assert before["faulty"] == 0
    assert series(health) == before


def test_a_range_is_told_in_the_form_of_all_times() -> None:
    part = Part("t", (), ("at",), "at", NOW, NOW + timedelta(days=1))

    assert str(part) == "t since 2026-11-22 02:30:00Z until 2026-11-23 02:30:00Z"


def test_times_in_json_are_of_utc_in_its_short_form() -> None:
    local = NOW.astimezone(timezone(timedelta(hours=2))) + timedelta(milliseconds=5)

    assert in_json(local) == "2026-11-22T02:30:00.005000Z"
    assert from_json(in_json(NOW)) == "2026-11-22 02:30:00Z"
