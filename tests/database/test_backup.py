"""A backup holds what was there at one moment, comes out as it went in, and is whole or not there."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest

from gept.backup import drill, manifest, part, programs, restore, script, whole
from gept.backup import folder as folders
from gept.backup.files import Measured
from gept.backup.folder import Backup
from gept.backup.programs import Programs
from gept.errors import BackupError, StoreAway, StoreBroken, UsageError
from gept.store import Server
from gept.store.copying import empty
from gept.store.copying.closed import closed
from gept.store.database import create
from gept.store.layouts import timescale
from gept.store.layouts.timescale import Extension
from gept.store.schema.migrate import migrate, shipped

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WEEK = {"price_data_5min": timedelta(weeks=1)}
MIGRATIONS = len(shipped())
OLD = next(iter(sorted(Path("/usr/lib/postgresql").glob("1[4-6]/bin"))), None)
Query = Callable[..., list[Any]]


@pytest.fixture
def prices(query: Query) -> None:
    """Fill a big table."""
    query(
        "CREATE TABLE price_data_5min_20261119 PARTITION OF price_data_5min "
        "FOR VALUES FROM ('2026-11-19') TO ('2026-11-26')"
    )
    query(
        "INSERT INTO price_data_5min SELECT mod(n, 10), '2026-11-22'::timestamptz + n / 10 * '5min'::interval,"
        " 9199000000, n, NULL, 0 FROM generate_series(0, 999) n"
    )


@pytest.fixture
def beside(postgres: Server) -> Iterator[str]:
    """Give the name of a database that is not there, and is dropped afterwards."""
    yield "gept_beside"
    empty.drop(postgres.url("postgres"), "gept_beside")


@pytest.fixture
def backup(prices: None, address: str, postgres: Server, tmp_path: Path) -> Backup:
    return whole.back_up(address, tmp_path / "backups", postgres.binaries, NOW)


def saved(address: str, tmp_path: Path, since: Any = None, until: Any = None) -> Backup:
    return part.back_up(address, tmp_path / "backups", "price_data_5min", (since, until), NOW)


def rewrite(backup: Backup, **changes: Any) -> Backup:
    """Write another manifest, with a seal of its own."""
    import msgspec

    changed = msgspec.structs.replace(backup.manifest, **changes)
    manifest.write(changed, backup.folder / manifest.NAME)
    return folders.open_backup(backup.folder)


def databases(query: Query) -> set[str]:
    return {name for (name,) in query("SELECT datname FROM pg_database")}


def test_a_whole_database_comes_out_as_it_went_in(
    backup: Backup, postgres: Server, beside: str, query: Query
) -> None:
    query("DELETE FROM price_data_5min")

    restore.restore_beside(backup, postgres.url("postgres"), beside, postgres.binaries)

    with psycopg.connect(postgres.url(beside)) as connection:
        found = connection.execute("SELECT count(*), sum(high_price_volume) FROM price_data_5min")
        assert found.fetchone() == (1000, 499500)
        assert connection.execute("SELECT count(*) FROM schema_migrations").fetchone() == (
            MIGRATIONS,
        )
    assert backup.manifest.tables["public.price_data_5min"].rows == 1000
    assert backup.manifest.database == "gept_test"
    assert backup.manifest.server.startswith(str(postgres.major))


def test_the_manifest_tells_of_the_moment_of_the_dump(
    prices: None,
    address: str,
    postgres: Server,
    tmp_path: Path,
    query: Query,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rows that come while pg_dump works are in neither."""
    dump = whole._dump

    def late(*about: Any) -> Any:
        query("DELETE FROM price_data_5min WHERE item_id = 3")
        return dump(*about)

    monkeypatch.setattr(whole, "_dump", late)
    backup = whole.back_up(address, tmp_path, postgres.binaries, NOW)

    assert query("SELECT count(*) FROM price_data_5min") == [(900,)]
    assert backup.manifest.tables["public.price_data_5min"].rows == 1000
    assert drill.verify(backup, postgres.url("postgres"), postgres.binaries, NOW) == []


def test_a_verification_leaves_nothing_but_its_verdict(
    backup: Backup, postgres: Server, query: Query
) -> None:
    before = databases(query)
    query("DELETE FROM price_data_5min")

    found = drill.verify(backup, postgres.url("postgres"), postgres.binaries, NOW)

    assert found == []
    assert databases(query) == before
    verdict = folders.open_backup(backup.folder).verdict
    assert verdict is not None
    assert verdict.at == NOW


@pytest.mark.parametrize(
    ("rows", "checksum", "told"),
    [(999, None, "1000 rows, and the manifest has 999"), (1000, "1", "with other values")],
)
def test_what_differs_from_the_manifest_is_told(
    backup: Backup, postgres: Server, query: Query, rows: int, checksum: str | None, told: str
) -> None:
    name = "public.price_data_5min"
    measure = backup.manifest.tables[name]
    other = replace(measure, rows=rows, checksum=checksum or measure.checksum)
    changed = rewrite(backup, tables={**backup.manifest.tables, name: other})
    before = databases(query)

    (found,) = drill.verify(changed, postgres.url("postgres"), postgres.binaries, NOW)

    assert name in found
    assert told in found
    assert databases(query) == before
    verdict = folders.open_backup(backup.folder).verdict
    assert verdict is not None
    assert verdict.differences == (found,)


def test_what_a_killed_verification_left_is_dropped(
    backup: Backup, postgres: Server, query: Query
) -> None:
    before = databases(query)
    empty.make(postgres.url("postgres"), drill._scratch(backup.folder))

    assert drill.verify(backup, postgres.url("postgres"), postgres.binaries, NOW) == []
    assert databases(query) == before


def test_two_do_not_verify_the_same_backup(backup: Backup, postgres: Server) -> None:
    with folders.alone(backup), pytest.raises(BackupError, match="wait"):
        drill.verify(backup, postgres.url("postgres"), postgres.binaries, NOW)


def test_a_failed_restore_leaves_no_database(
    backup: Backup, postgres: Server, beside: str, query: Query
) -> None:
    backup.file.write_bytes(backup.file.read_bytes()[:-20_000])

    with pytest.raises(BackupError, match="pg_restore failed"):
        restore.restore_beside(backup, postgres.url("postgres"), beside, postgres.binaries)

    assert beside not in databases(query)


def test_a_failed_restore_leaves_an_empty_database_empty(
    backup: Backup, postgres: Server, beside: str
) -> None:
    empty.make(postgres.url("postgres"), beside)
    backup.file.write_bytes(backup.file.read_bytes()[:-20_000])

    with pytest.raises(BackupError, match="pg_restore failed"):
        restore.restore_into(backup, postgres.url(beside), postgres.binaries)

    assert empty.first_thing(postgres.url(beside)) is None


def test_a_filled_database_is_not_restored_into(
    backup: Backup, address: str, postgres: Server
) -> None:
    with pytest.raises(BackupError, match="not empty: it has .*--into"):
        restore.restore_into(backup, address, postgres.binaries)


def test_a_backup_of_a_newer_server_is_refused(
    backup: Backup, postgres: Server, beside: str
) -> None:
    changed = rewrite(backup, server="99.1")

    with pytest.raises(BackupError, match="PostgreSQL 99, and this server is"):
        restore.restore_beside(changed, postgres.url("postgres"), beside, postgres.binaries)


def test_a_backup_with_timescaledb_is_refused_where_there_is_none(
    backup: Backup, postgres: Server, beside: str, query: Query
) -> None:
    changed = rewrite(backup, timescaledb="2.19.3")

    with pytest.raises(
        StoreBroken, match=r"needs TimescaleDB 2\.19\.3, which this server does not"
    ):
        restore.restore_beside(changed, postgres.url("postgres"), beside, postgres.binaries)

    assert beside not in databases(query)


def cut(backup: Backup) -> None:
    os.truncate(backup.file, backup.manifest.size // 2)


def change(backup: Backup) -> None:
    content = bytearray(backup.file.read_bytes())
    content[-1] ^= 1
    backup.file.write_bytes(content)


def lose(backup: Backup) -> None:
    backup.file.unlink()


@pytest.mark.parametrize(
    ("harm", "told"),
    [(cut, "it was cut short"), (change, "not what its manifest tells"), (lose, "cannot be read")],
)
def test_unsound_data_are_refused_before_anything_is_done(
    backup: Backup, postgres: Server, query: Query, harm: Callable[[Backup], None], told: str
) -> None:
    harm(backup)
    before = databases(query)

    with pytest.raises(BackupError, match=told):
        restore.refuse_unsound(folders.open_backup(backup.folder))
    assert databases(query) == before


def test_a_changed_manifest_is_refused(backup: Backup) -> None:
    file = backup.folder / manifest.NAME
    content = json.loads(file.read_text())
    content["tables"]["public.price_data_5min"]["rows"] = 5
    file.write_text(json.dumps(content))

    with pytest.raises(BackupError, match="was changed"):
        folders.open_backup(backup.folder)


def test_a_newer_form_of_manifest_is_refused(backup: Backup) -> None:
    with pytest.raises(BackupError, match="format 2"):
        rewrite(backup, format=2)


def test_a_torn_manifest_is_refused(backup: Backup) -> None:
    file = backup.folder / manifest.NAME
    file.write_bytes(file.read_bytes()[:100])

    with pytest.raises(BackupError, match="cannot be read"):
        folders.open_backup(backup.folder)
    assert folders.listed(backup.folder.parent)[0] == []


def test_a_full_disk_leaves_nothing(
    prices: None,
    address: str,
    postgres: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*about: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Measured, "write", full)
    with pytest.raises(BackupError, match="No space left on device"):
        whole.back_up(address, tmp_path / "backups", postgres.binaries, NOW)
    with pytest.raises(BackupError, match="No space left on device"):
        saved(address, tmp_path)
    assert [each.name for each in (tmp_path / "backups").iterdir()] == [folders.LOCK]


def test_what_a_killed_backup_left_is_removed_by_the_next(backup: Backup, address: str) -> None:
    undone = backup.folder.parent / "osrs_data-20261121T000000Z.part"
    undone.mkdir()
    (undone / "database.dump").write_bytes(b"half")

    part.back_up(address, backup.folder.parent, "items", (None, None), NOW)

    assert not undone.exists()
    assert backup.file.exists()


def test_two_backups_do_not_write_at_once(
    prices: None, address: str, tmp_path: Path, postgres: Server
) -> None:
    with folders.held(tmp_path / "backups"), pytest.raises(BackupError, match="wait for its end"):
        whole.back_up(address, tmp_path / "backups", postgres.binaries, NOW)


def test_what_is_not_loaded_is_told_in_a_sentence(
    prices: None, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unloaded = Extension("2.28.3", "2.28.3", preloaded=False, permitted=True, license=None)
    monkeypatch.setattr(timescale, "look", lambda _: unloaded)

    with pytest.raises(StoreAway, match=r"add timescaledb to shared_preload_libraries and restart"):
        whole.back_up(address, tmp_path / "backups", None, NOW)
    with pytest.raises(StoreAway, match="so nothing can be written or saved"):
        saved(address, tmp_path)
    with pytest.raises(StoreAway, match="so nothing can be written or saved"), closed(address):
        pass
    assert not (tmp_path / "backups").exists()


def test_a_password_is_in_no_argument(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text('#!/bin/sh\necho "$@"; test "$PGPASSWORD" = planted\n')
    program.chmod(0o755)

    with programs.output([str(program)], "postgresql://me:planted@host/name") as said:
        text = said.read().decode()

    assert "planted" not in text
    assert "host=host" in text


def test_a_role_that_may_not_read_is_told_what_to_do(tmp_path: Path) -> None:
    program = tmp_path / "pg_dump"
    program.write_text("#!/bin/sh\necho 'ERROR: permission denied for table x' >&2; exit 1\n")
    program.chmod(0o755)

    with pytest.raises(BackupError, match="denied for table x; run it as the owner of all tables"):
        programs.run([str(program)], "postgresql://host/name")


def test_a_role_that_is_not_on_this_server_is_told(tmp_path: Path) -> None:
    program = tmp_path / "pg_restore"
    said = 'ERROR: role \\"ge\\" does not exist'
    program.write_text(f'#!/bin/sh\necho "{said}" >&2; exit 1\n')
    program.chmod(0o755)

    with pytest.raises(BackupError, match='exist; make it on this server first, CREATE ROLE "ge"'):
        programs.run([str(program)], "postgresql://host/name")


def test_timescaledb_is_restored_by_a_superuser_only(
    postgres: Server, beside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(empty, "_see_to_extension", lambda *_: None)
    empty.make(postgres.url("postgres"), beside)
    with psycopg.connect(postgres.url(beside), autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION timescaledb_pre_restore() RETURNS void LANGUAGE plpgsql"
            " AS 'BEGIN RAISE insufficient_privilege; END'"
        )

    with (
        pytest.raises(StoreBroken, match="only a superuser .* DATABASE_URL_FILE"),
        empty.awaiting(postgres.url(beside), "2.28.3"),
    ):
        pytest.fail("it was let in")


def test_programs_that_are_absent_are_told(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="are not in PG_BINDIR.*postgresql-client-17"):
        programs.fitting(tmp_path, 17)


def test_where_none_are_installed_those_that_come_with_gept_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "INSTALLED", tmp_path)

    assert programs.fitting(None, 17).major >= 18


def test_programs_that_are_too_old_are_told(tmp_path: Path) -> None:
    for name in ("pg_dump", "pg_restore"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 15.3 (Debian)'\n")
        (tmp_path / name).chmod(0o755)

    assert programs.fitting(tmp_path, 14).major == 15
    with pytest.raises(BackupError, match="PostgreSQL 15, older than the server"):
        programs.fitting(tmp_path, 16)


def test_a_range_comes_out_as_it_went_in_and_once(
    prices: None, address: str, tmp_path: Path, query: Query
) -> None:
    whole_table = query("SELECT * FROM price_data_5min ORDER BY item_id, timestamp")
    backup = saved(address, tmp_path, NOW - timedelta(hours=11), NOW - timedelta(hours=10))
    query(
        "DELETE FROM price_data_5min WHERE item_id < 4 AND timestamp >= '2026-11-22 01:00Z' AND timestamp < '2026-11-22 02:00Z'"
    )

    first = part.restore(backup, address, WEEK, overwrite=False)
    second = part.restore(backup, address, WEEK, overwrite=False)

    assert (first.inserted, first.unchanged, first.different) == (48, 72, 0)
    assert (second.inserted, second.unchanged, second.different) == (0, 120, 0)
    assert query("SELECT * FROM price_data_5min ORDER BY item_id, timestamp") == whole_table
    assert backup.manifest.rows == 120


def test_rows_that_differ_stay_unless_they_are_to_be_overwritten(
    prices: None, address: str, tmp_path: Path, query: Query
) -> None:
    backup = saved(address, tmp_path)
    query("UPDATE price_data_5min SET high_price_volume = -1 WHERE item_id = 3")
    wrong = "SELECT count(*) FROM price_data_5min WHERE high_price_volume = -1"

    kept = part.restore(backup, address, WEEK, overwrite=False)
    assert (kept.updated, kept.different) == (0, 100)
    assert query(wrong) == [(100,)]

    taken = part.restore(backup, address, WEEK, overwrite=True)
    assert (taken.updated, taken.different) == (100, 0)
    assert query(wrong) == [(0,)]


def test_a_table_is_restored_where_its_partitions_are_gone(
    prices: None, address: str, tmp_path: Path, query: Query
) -> None:
    backup = saved(address, tmp_path)
    query("DROP TABLE price_data_5min_20261119")

    assert part.restore(backup, address, WEEK, overwrite=False).inserted == 1000
    assert part.verify(backup, address, NOW) == []


def test_a_table_of_another_shape_is_not_restored(
    prices: None, address: str, tmp_path: Path, query: Query
) -> None:
    backup = saved(address, tmp_path)
    query("ALTER TABLE price_data_5min ADD COLUMN more int")

    with pytest.raises(BackupError, match="other columns"):
        part.restore(backup, address, WEEK, overwrite=False)


def test_rows_that_are_not_those_of_the_manifest_are_not_restored(
    prices: None, address: str, tmp_path: Path, query: Query
) -> None:
    backup = saved(address, tmp_path)
    measure = backup.manifest.tables["price_data_5min"]
    changed = rewrite(backup, tables={"price_data_5min": replace(measure, rows=5)})
    query("DELETE FROM price_data_5min")

    with pytest.raises(BackupError, match="the manifest has 5"):
        part.restore(changed, address, WEEK, overwrite=False)
    assert query("SELECT count(*) FROM price_data_5min") == [(0,)]
    assert len(part.verify(changed, address, NOW)) == 1


@pytest.mark.parametrize(
    ("table", "since", "error", "told"),
    [
        ("nothing", None, UsageError, "there is no table nothing"),
        ("items", NOW, UsageError, "the key of items has no time"),
        (
            "price_data_5min",
            NOW + timedelta(days=1),
            UsageError,
            r"--until: 2026-.*:\d\dZ is not after --since, 2026-.*Z$",
        ),
    ],
)
def test_a_range_that_cannot_be_is_refused(
    address: str, tmp_path: Path, table: str, since: Any, error: type[Exception], told: str
) -> None:
    until = NOW if since else None
    with pytest.raises(error, match=told):
        part.back_up(address, tmp_path / "backups", table, (since, until), NOW)
    assert not (tmp_path / "backups").exists()


@pytest.mark.parametrize("name", ["items", "ledger", "osrs_news", "rejected_rows", "collectors"])
def test_every_kind_of_table_can_be_saved(name: str, address: str, tmp_path: Path) -> None:
    backup = part.back_up(address, tmp_path, name, (None, None), NOW)

    assert part.restore(backup, address, {}, overwrite=False).inserted == 0


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Server]:
    """Run a server of an older version."""
    if OLD is None:
        pytest.skip("no PostgreSQL 14 to 16 is installed here")
    server = Server(tmp_path / "old", OLD, Event().wait)
    try:
        server.ensure()
        create(server.url("postgres"), "osrs_data")
        migrate(server.url("osrs_data"))
        with psycopg.connect(server.url("osrs_data")) as connection:
            connection.execute(
                "INSERT INTO player_counts (timestamp, count) VALUES (%s, 1)", (NOW,)
            )
        yield server
    finally:
        server.stop()


def test_a_backup_of_an_older_server_is_restored_into_a_newer_one(
    tmp_path: Path, old: Server, postgres: Server, beside: str
) -> None:
    backup = whole.back_up(old.url("osrs_data"), tmp_path / "backups", OLD, NOW)

    restore.restore_beside(backup, postgres.url("postgres"), beside, postgres.binaries)

    assert backup.manifest.rows == MIGRATIONS + 1


def test_newer_programs_restore_into_an_older_server(
    tmp_path: Path, old: Server, postgres: Server
) -> None:
    """Though they say to it what it does not understand."""
    newer, every = postgres.binaries, old.url("postgres")
    backup = whole.back_up(old.url("osrs_data"), tmp_path / "backups", newer, NOW)

    assert drill.verify(backup, every, newer, NOW) == []

    os.truncate(backup.file, backup.manifest.size - 20_000)
    empty.make(every, "half")
    with pytest.raises(BackupError, match="pg_restore failed"):
        restore.restore_into(backup, old.url("half"), newer)
    assert empty.first_thing(old.url("half")) is None


@pytest.mark.parametrize(("code", "whole"), [(0, True), (1, False)])
def test_only_a_whole_script_is_committed(tmp_path: Path, code: int, whole: bool) -> None:
    reading = tmp_path / "reading"
    os.mkfifo(reading)
    script_of = f"printf 'SET transaction_timeout = 0;\\nSELECT 1;\\n'; exit {code}"
    says = f"#!/bin/sh\nread begun < {reading}; {script_of}\n"
    reads = f"#!/bin/sh\ntrap '' TERM; echo > {reading}; cat > {tmp_path}/ran\n"
    for name, text in (("pg_restore", says), ("psql", reads)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)

    with suppress(BackupError):
        script.restore(Programs(tmp_path, 18), [], "dbname=x")

    ran = tmp_path / "ran"  # a program that is ended may not have come to read at all
    assert ("COMMIT" in (ran.read_text() if ran.exists() else "")) is whole


def test_it_is_restored_into_an_empty_database_that_is_there(
    backup: Backup, postgres: Server, beside: str
) -> None:
    empty.make(postgres.url("postgres"), beside)

    restore.restore_beside(backup, postgres.url("postgres"), beside, postgres.binaries)

    with pytest.raises(BackupError, match="not empty"):
        restore.restore_beside(backup, postgres.url("postgres"), beside, postgres.binaries)


def test_the_folder_may_be_named_by_its_data(backup: Backup, tmp_path: Path) -> None:
    assert folders.open_backup(backup.file).manifest == backup.manifest
    with pytest.raises(BackupError, match="is not there"):
        folders.open_backup(tmp_path / "nothing")
    with pytest.raises(BackupError, match=r"holds no manifest\.json"):
        folders.open_backup(tmp_path)
    shutil.rmtree(backup.folder)
