"""Data of an older version are moved whole, or not at all."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest

from gept.errors import SettingsError, StoreBroken, UsageError
from gept.store import Server
from gept.store.database import create, give_login
from gept.store.embedded.programs import binaries
from gept.store.embedded.upgrade import upgrade
from gept.store.schema.migrate import migrate

OLD = next(iter(sorted(Path("/usr/lib/postgresql").glob("1[4-7]/bin"))), None)
needs_old = pytest.mark.skipif(OLD is None, reason="no PostgreSQL 14 to 17 is installed here")
wait = Event().wait


def contents(server: Server) -> list[Any]:
    with psycopg.connect(server.url("osrs_data")) as connection:
        return connection.execute("SELECT * FROM price_data_5min ORDER BY 1").fetchall()


@pytest.fixture
def old(tmp_path: Path) -> list[Any]:
    """Make data of the old version; return what is in them."""
    server = Server(tmp_path, OLD, wait)
    server.ensure()
    create(server.url("postgres"), "osrs_data")
    migrate(server.url("osrs_data"))
    give_login(server.url("postgres"), "gept", "secret")
    with psycopg.connect(server.url("osrs_data")) as connection:
        connection.execute(
            "CREATE TABLE price_data_5min_now PARTITION OF price_data_5min "
            "FOR VALUES FROM ('2026-11-19') TO ('2026-11-26')"
        )
        connection.execute(
            "INSERT INTO price_data_5min SELECT n, '2026-11-22', 9199000000, 1, NULL, 0 "
            "FROM generate_series(1, 1000) n"
        )
    found = contents(server)
    server.stop()
    return found


@needs_old
def test_every_row_is_there_and_the_old_folder_is_kept(tmp_path: Path, old: list[Any]) -> None:
    assert OLD is not None
    with pytest.raises(StoreBroken, match="gept db upgrade --from"):
        Server(tmp_path, None, wait).ensure()

    done = upgrade(tmp_path, OLD, None, wait)
    server = Server(tmp_path, None, wait)
    server.ensure()

    assert contents(server) == old
    assert migrate(server.url("osrs_data")) == []
    assert done.rows["osrs_data.public.price_data_5min"] == 1000
    assert (done.kept / "PG_VERSION").exists()
    assert not (tmp_path / "postgresql" / "upgrade").exists()
    server.stop()


@needs_old
def test_a_copy_that_is_not_whole_changes_nothing(
    tmp_path: Path, old: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert OLD is not None
    monkeypatch.setattr("gept.store.embedded.upgrade._copy", lambda *_: None)

    with pytest.raises(StoreBroken, match="not whole: osrs_data"):
        upgrade(tmp_path, OLD, None, wait)

    server = Server(tmp_path, OLD, wait)
    server.ensure()
    assert contents(server) == old
    server.stop()


@needs_old
def test_a_copy_that_fails_ends_at_once_however_much_is_left_to_write(
    tmp_path: Path, old: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert OLD is not None
    monkeypatch.setattr("gept.store.embedded.upgrade.STRICT", ("-c", "no such statement"))

    with pytest.raises(StoreBroken, match="could not be copied: ERROR"):
        upgrade(tmp_path, OLD, None, wait)


@needs_old
def test_an_exchange_that_was_interrupted_is_ended_by_the_next_start(
    tmp_path: Path, old: list[Any]
) -> None:
    assert OLD is not None
    upgrade(tmp_path, OLD, None, wait)
    data = tmp_path / "postgresql" / "data"
    data.rename(data.with_name("data.next"))

    server = Server(tmp_path, None, wait)
    server.ensure()

    assert contents(server) == old
    server.stop()


@needs_old
def test_data_in_use_are_left_alone(tmp_path: Path, old: list[Any]) -> None:
    assert OLD is not None
    running = Server(tmp_path, OLD, wait)
    running.ensure()

    with pytest.raises(UsageError, match="end it first"):
        upgrade(tmp_path, OLD, None, wait)

    assert contents(running) == old
    running.stop()


def test_without_data_there_is_nothing_to_upgrade(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no data"):
        upgrade(tmp_path, tmp_path, None, wait)


@needs_old
def test_data_that_are_new_already_are_left_alone(tmp_path: Path) -> None:
    assert OLD is not None
    server = Server(tmp_path, None, wait)
    server.ensure()
    server.stop()

    with pytest.raises(UsageError, match="are of PostgreSQL 18 already"):
        upgrade(tmp_path, OLD, None, wait)
    with pytest.raises(UsageError, match="newer than the programs .* does not go back"):
        upgrade(tmp_path, OLD, OLD, wait)
    with pytest.raises(StoreBroken, match="is older and cannot read it; set PG_BINDIR") as refused:
        Server(tmp_path, OLD, wait).ensure()
    assert "upgrade" not in str(refused.value)


def test_programs_that_cannot_move_the_data_are_told_by_the_option(tmp_path: Path) -> None:
    data = tmp_path / "postgresql" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("12\n")

    with pytest.raises(SettingsError, match="--from: .* holds no postgres"):
        upgrade(tmp_path, tmp_path, None, wait)
    with pytest.raises(UsageError, match="--from: .* holds PostgreSQL 18, but .* of 12"):
        upgrade(tmp_path, binaries(None), None, wait)
