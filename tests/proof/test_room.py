"""The database has no room left, and then has."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest

from gept.errors import StoreAway
from gept.model import Status
from gept.store import Server
from gept.store.schema.migrate import migrate
from proof.machine import Machine, stories
from proof.tables import contents, differences

Query = Callable[..., list[Any]]
FULL = """
    CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$
"""
REFUSE = """
    CREATE TRIGGER zz_full BEFORE INSERT OR UPDATE OR DELETE ON {}
    FOR EACH ROW EXECUTE FUNCTION full_disk()
"""
TABLES = {
    "5m settled": ("price_data_5min", "ledger"),
    "latest": ("prices_latest_1m", "prices_current", "ledger"),
    "items": ("items", "item_history", "ledger"),
    "news": ("osrs_news", "osrs_news_revisions", "ledger"),
}
CASES = [(story, table) for story, tables in TABLES.items() for table in tables]
SIZE = "160m"
TICKS = 4


@pytest.mark.parametrize(("story", "table"), CASES)
def test_without_room_a_tick_stays_open_and_nothing_is_half_written(
    story: str, table: str, address: str, unharmed: str, query: Query
) -> None:
    gept = Machine(stories()[story])
    gept.open(address)
    query(FULL)
    hit = [
        read_when_full(gept, number, settled, table, address, query)
        for number in range(1, TICKS + 1)
        for settled in (False, True)[: 1 + gept.story.settled]
    ]
    gept.close()
    gept.open(unharmed)
    gept.tell(TICKS)
    gept.close()

    assert any(hit)
    assert differences(address, unharmed) == {}


def read_when_full(
    gept: Machine, number: int, settled: bool, table: str, address: str, query: Query
) -> bool:
    """Read a tick while a table takes nothing, and finish it; tell whether it was in the way."""
    before = contents(address)
    query(REFUSE.format(table))
    gept.turn(number, settled=settled)
    finished = gept.read(number)
    if finished.status is not Status.DONE:
        assert isinstance(finished.error, StoreAway)
        assert "53100" in str(finished.error)
        assert contents(address) == before
    query(f"DROP TRIGGER zz_full ON {table}")
    gept.finish(number, settled=settled)
    return finished.status is not Status.DONE


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system with little room."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0755", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small file system, and not everywhere")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def on_small_disk(small_disk: Path, postgres: Server) -> Iterator[Server]:
    """Give a server whose data are on a small file system, with a database of gept's."""
    server = Server(small_disk, postgres.binaries, Event().wait)
    server.ensure()
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE gept")
    migrate(server.url("gept"))
    yield server
    server.stop()


def fill(file: Path) -> None:
    """Leave no room on the disk of a file."""
    with file.open("wb", buffering=0) as ballast:
        try:
            while ballast.write(b"x" * 4096):
                pass
        except OSError:
            return


def test_on_a_disk_that_is_really_full_nothing_is_lost_when_there_is_room_again(
    on_small_disk: Server, small_disk: Path, unharmed: str
) -> None:
    gept, number, address = Machine(stories()["5m"]), 1, on_small_disk.url("gept")
    gept.open(address)
    gept.finish(number, settled=False)
    ballast = small_disk / "ballast"
    fill(ballast)
    while (finished := read_next(gept, number + 1)).status is Status.DONE:
        number += 1
    assert finished.status is Status.AWAY
    assert isinstance(finished.error, StoreAway)

    ballast.unlink()
    on_small_disk.ensure()
    gept.tell(number + 2)
    gept.close()
    gept.open(unharmed)
    gept.tell(number + 2)
    gept.close()
    assert differences(address, unharmed) == {}


def test_a_server_that_finds_its_disk_full_is_away_and_comes_when_there_is_room(
    on_small_disk: Server, small_disk: Path
) -> None:
    on_small_disk.stop()
    ballast = small_disk / "ballast"
    fill(ballast)
    for _ in range(2):
        with pytest.raises(StoreAway) as caught:
            on_small_disk.ensure()
        assert str(caught.value) == (
            f"PostgreSQL does not start: the disk of {small_disk / 'postgresql'} is full; "
            "make room on the disk of DATA_DIR, and gept goes on by itself"
        )

    ballast.unlink()
    on_small_disk.ensure()
    with psycopg.connect(on_small_disk.url("gept")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def read_next(gept: Machine, number: int) -> Any:
    """Read a tick at its time."""
    gept.turn(number, settled=False)
    return gept.read(number)
