"""Answers on disk: whole or not there, bounded, in order."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import disk_usage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gept.errors import SpoolError, TapeError
from gept.events import FULL, NO_ROOM
from gept.spool.spool import PART, Spool, Waiting
from gept.spool.tape import Answer, Tape, pack, unpack

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
WORTH = {"latest": 4, "items": 1}


def tape(collector: str = "latest", minute: int = 0, size: int = 1000) -> Tape:
    at = NOON + timedelta(minutes=minute)
    body = os.urandom(size)
    return Tape(collector, at, at, None, (Answer("prices/latest", at, body),))


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", 5_000, WORTH)


def kept(spool: Spool) -> list[tuple[str, int]]:
    minute = timedelta(minutes=1)
    return [(each.collector, (each.tick - NOON) // minute) for each in spool.waiting()]


def test_what_is_kept_is_read_again_as_it_was(spool: Spool) -> None:
    taken = tape()

    assert spool.keep(taken) == {}

    [waiting] = spool.waiting()
    assert spool.read(waiting) == taken
    assert spool.holds("latest")
    assert not spool.holds("players")
    spool.remove(waiting)
    assert kept(spool) == []
    assert spool.read(waiting) is None


def test_the_oldest_waits_first(spool: Spool) -> None:
    for minute in (2, 0, 1):
        spool.keep(tape(minute=minute))

    assert kept(spool) == [("latest", 0), ("latest", 1), ("latest", 2)]


def test_of_a_tick_the_first_answer_stays(spool: Spool) -> None:
    first = tape()
    spool.keep(first)
    spool.keep(tape())

    assert [spool.read(each) for each in spool.waiting()] == [first]


def test_a_full_spool_gives_up_the_oldest_of_what_is_worth_least(spool: Spool) -> None:
    for collector, minute in (("latest", 0), ("items", 1), ("latest", 2), ("items", 3)):
        assert spool.keep(tape(collector, minute)) == {}

    dropped = [spool.keep(tape("latest", minute)) for minute in (4, 5, 6)]

    gone = [[(each.collector, each.tick.minute) for each in some] for some in dropped]
    assert {why for some in dropped for why in some.values()} == {FULL}
    assert gone == [[("items", 1)], [("items", 3)], [("latest", 0)]]
    assert kept(spool) == [("latest", 2), ("latest", 4), ("latest", 5), ("latest", 6)]


def test_what_is_worth_less_than_all_that_wait_is_given_up_itself(spool: Spool) -> None:
    for minute in range(4):
        spool.keep(tape(minute=minute))

    [dropped] = spool.keep(tape("items", 9))

    assert dropped.collector == "items"
    assert len(kept(spool)) == 4


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-1],
        lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:],
        lambda data: b"",
        lambda data: b"something else",
    ],
)
def test_a_torn_file_is_set_aside(spool: Spool, spoil: Callable[[bytes], bytes]) -> None:
    spool.keep(tape(minute=0))
    spool.keep(tape(minute=1))
    torn, whole = spool.waiting()
    path = spool.folder / torn.name
    path.write_bytes(spoil(path.read_bytes()))

    assert spool.read(torn) is None
    assert spool.read(whole) is not None
    assert spool.waiting() == [whole]
    assert spool.aside() == [torn.name]


@pytest.mark.parametrize("other", ["players.20261122T120000Z.tape", "latest.20261122T120100Z.tape"])
def test_a_file_that_is_named_for_another_answer_is_set_aside(tmp_path: Path, other: str) -> None:
    told: list[tuple[str, str]] = []
    spool = Spool(tmp_path, 5_000, WORTH, lambda name, why: told.append((name, why)))
    spool.keep(tape())
    [own] = spool.waiting()
    (tmp_path / own.name).rename(tmp_path / other)
    [misnamed] = spool.waiting()

    assert spool.read(misnamed) is None
    assert (spool.waiting(), spool.aside()) == ([], [other])
    assert told == [(other, f"it holds the answer of {own.name}")]


def test_there_is_room_while_a_tenth_is_free(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Waiting("latest", NOON, 1500)
    usage = disk_usage("/")

    assert spool.has_room([waiting] * 3)
    assert not spool.has_room([waiting] * 4)
    monkeypatch.setattr("gept.spool.spool.disk_usage", lambda _: usage._replace(free=499))
    assert not spool.has_room([])


@pytest.mark.parametrize("name", ["notes.txt", "latest.tape", "latest.20261399T000000Z.tape"])
def test_a_foreign_file_is_set_aside(spool: Spool, name: str) -> None:
    spool.keep(tape())
    (spool.folder / name).write_text("hello")
    (spool.folder / "folder").mkdir()

    assert kept(spool) == [("latest", 0)]
    assert sorted(spool.aside()) == sorted(["folder", name])


def test_what_is_set_aside_replaces_nothing(spool: Spool) -> None:
    spool.folder.mkdir(exist_ok=True)
    for content in ("first", "second", "third"):
        (spool.folder / "notes.txt").write_text(content)
        spool.set_aside("notes.txt", "it is no tape")

    aside = [(spool.folder / "aside" / name).read_text() for name in spool.aside()]
    assert aside == ["first", "second", "third"]


@given(st.binary(max_size=200))
def test_no_bytes_are_taken_for_a_tape(data: bytes) -> None:
    with pytest.raises(TapeError):
        unpack(data)


@given(st.data())
def test_any_torn_tape_is_known(data: st.DataObject) -> None:
    packed = pack(Tape("latest", NOON, NOON, NOON, (Answer("a", NOON, b"body"),)))
    cut = data.draw(st.integers(0, len(packed) - 1))

    with pytest.raises(TapeError):
        unpack(packed[:cut])


def test_a_disk_without_room_gives_up_older_ones_for_newer(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool.keep(tape("items", 0))
    spool.keep(tape("latest", 1))
    full = [True, False]
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        if full and full.pop(0):
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)

    [(dropped, why)] = spool.keep(tape("latest", 2)).items()

    assert (dropped.collector, why) == ("items", NO_ROOM)
    assert kept(spool) == [("latest", 1), ("latest", 2)]
    assert list(spool.folder.glob(f"{PART}*")) == []


def test_a_disk_that_stays_full_loses_the_answer_and_nothing_else(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)

    assert list(spool.keep(tape()).values()) == [NO_ROOM]
    assert kept(spool) == []


def test_a_disk_that_stays_full_does_not_cost_all_that_wait(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for minute in range(4):
        spool.keep(tape(minute=minute))

    def fsync(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    spool.keep(tape(minute=9))

    assert kept(spool) in ([("latest", 2), ("latest", 3)], [("latest", 3)])


def test_a_disk_that_refuses_is_told(spool: Spool) -> None:
    spool.folder.write_text("a file in the way")

    with pytest.raises(SpoolError, match="cannot be"):
        spool.keep(tape())


def test_what_a_killed_writer_left_is_cleared(spool: Spool) -> None:
    spool.keep(tape())
    (spool.folder / f"{PART}left").write_bytes(b"half")

    spool.clear_parts()

    assert {path.name for path in spool.folder.iterdir()} == {spool.waiting()[0].name}


def test_it_is_private(spool: Spool) -> None:
    spool.keep(tape())

    assert spool.folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in spool.folder.iterdir())


def test_a_small_disk_that_is_really_full(tmp_path: Path, small_disk: Path) -> None:
    spool = Spool(small_disk / "spool", 10**9, WORTH)
    dropped = [spool.keep(tape(minute=minute, size=100_000)) for minute in range(30)]

    assert sum(len(each) for each in dropped) > 0
    assert kept(spool)[-1] == ("latest", 29)
    assert all(spool.read(each) for each in spool.waiting())


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    import subprocess

    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be mounted here; it takes root and a kernel that lets it")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
