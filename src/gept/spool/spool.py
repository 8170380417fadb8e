"""Answers on disk that the database could not take: bounded, checked, compressed, one file each.

A file is written beside its place, synced and renamed, so that it is whole or not there. What is
torn, foreign or named for another answer is moved to ``aside/``. When room is scarce, the oldest
answers of the collector whose answers are worth the least go first.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from shutil import disk_usage
from tempfile import NamedTemporaryFile

from ..disk import settle
from ..errors import SpoolError, TapeError
from ..events import FULL, NO_ROOM
from .tape import Tape, pack, unpack

NAME = re.compile(r"([a-z0-9_]+)\.(\d{8}T\d{6}Z)\.tape")
TIME = "%Y%m%dT%H%M%SZ"
PART = ".part-"
ENOUGH = 2
OUT_OF_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class Waiting:
    """An answer that waits in the spool; ``size`` is in bytes."""

    collector: str
    tick: datetime
    size: int

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.collector}.{self.tick:{TIME}}.tape"


class Spool:
    """The answers that wait in a folder. Every method raises SpoolError where the disk refuses.

    ``limit`` is how many bytes they may have together; ``worth`` tells whose go last. ``tell``
    hears of each file that is moved aside, by its name, and why.
    """

    def __init__(
        self,
        folder: Path,
        limit: int,
        worth: Mapping[str, int],
        tell: Callable[[str, str], None] = lambda name, why: None,
    ) -> None:
        self.folder = folder
        self.limit = limit
        self._worth = worth
        self._tell = tell

    def keep(self, tape: Tape) -> dict[Waiting, str]:
        """Keep a tape, the first of its tick; return what was given up for it, and why.

        That may be the new one itself.
        """
        data = pack(tape)
        new = Waiting(tape.collector, tape.tick, len(data))
        waiting = self.waiting()
        if any(each.name == new.name for each in waiting):
            return {}
        candidates = [*waiting, new]
        dropped: dict[Waiting, str] = {}
        while sum(each.size for each in candidates) > self.limit:
            dropped[self._drop(candidates)] = FULL
        freed = 0
        while new in candidates and not self._write(new, data):
            if freed >= ENOUGH * new.size:  # others take what we free
                return {**dropped, new: NO_ROOM}
            gone = self._drop(candidates)
            dropped[gone] = NO_ROOM
            freed += gone.size
        return dropped

    def waiting(self) -> list[Waiting]:
        """Return what waits, the oldest first; what is foreign is moved aside."""
        with _told():
            names = _names(self.folder)
            found = [self._known(name) for name in names if not name.startswith(PART)]
        return sorted((each for each in found if each), key=lambda each: each.tick)

    def has_room(self, waiting: Iterable[Waiting]) -> bool:
        """Tell whether a tenth of the limit or more is free, beside what waits, and on disk too."""
        wanted = self.limit // 10
        with _told():
            there = next(each for each in (self.folder, *self.folder.parents) if each.exists())
            on_disk = disk_usage(there).free
        return min(self.limit - sum(each.size for each in waiting), on_disk) >= wanted

    def holds(self, collector: str) -> bool:
        """Tell whether answers of a collector wait."""
        return any(each.collector == collector for each in self.waiting())

    def read(self, waiting: Waiting) -> Tape | None:
        """Return a tape; None where it is none of its name and was moved aside, or is gone."""
        try:
            with _told():
                return _of(waiting, unpack((self.folder / waiting.name).read_bytes()))
        except TapeError as error:
            self.set_aside(waiting.name, str(error))
        except FileNotFoundError:
            pass
        return None

    def remove(self, waiting: Waiting) -> None:
        """Remove what is stored."""
        with _told():
            (self.folder / waiting.name).unlink(missing_ok=True)

    def set_aside(self, name: str, why: str) -> None:
        """Move a file to where it is in nobody's way and nobody loses it."""
        with _told(), suppress(FileNotFoundError):
            aside = self.folder / "aside"
            aside.mkdir(mode=0o700, exist_ok=True)
            (self.folder / name).rename(aside / _free(name, {*_names(aside)}))
            self._tell(name, why)

    def aside(self) -> list[str]:
        """Return the names of what was moved aside."""
        with _told():
            return sorted(_names(self.folder / "aside"))

    def clear_parts(self) -> None:
        """Remove what writers that were killed have left."""
        with _told(), suppress(FileNotFoundError):
            for path in self.folder.glob(f"{PART}*"):
                with path.open("rb") as file, suppress(BlockingIOError):
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()

    def _known(self, name: str) -> Waiting | None:
        """Return the answer of a name; None for what is foreign and moved aside, or is gone."""
        path, named = self.folder / name, _named(name)
        with suppress(FileNotFoundError):
            if named is not None and path.is_file():
                return Waiting(*named, path.stat().st_size)
            if name != "aside" and path.exists():
                with suppress(SpoolError):  # what is not ours to move is passed over
                    self.set_aside(name, "it has no name of an answer")
        return None

    def _drop(self, candidates: list[Waiting]) -> Waiting:
        """Remove the oldest answer of those that are worth the least."""
        least = min(candidates, key=lambda each: (self._worth.get(each.collector, 0), each.tick))
        candidates.remove(least)
        self.remove(least)
        return least

    def _write(self, new: Waiting, data: bytes) -> bool:
        """Write a file whole and for good; tell whether there was room."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=self.folder, prefix=PART, delete=False) as part:
                fcntl.flock(part, fcntl.LOCK_EX)
                with _removed_on_failure(part.name):
                    part.write(data)
                    part.flush()
                    os.fsync(part.fileno())
                    Path(part.name).rename(self.folder / new.name)
            settle(self.folder)
        except OSError as error:
            if error.errno in OUT_OF_ROOM:
                return False
            raise SpoolError(f"the spool {self.folder} cannot be written: {error}") from error
        return True


def _of(waiting: Waiting, tape: Tape) -> Tape:
    """Return the tape of a file. Raises TapeError where the file is named for another answer."""
    held = Waiting(tape.collector, tape.tick, waiting.size)
    if held.name != waiting.name:
        raise TapeError(f"it holds the answer of {held.name}")
    return tape


def _named(name: str) -> tuple[str, datetime] | None:
    """Return the collector and the tick that a file is named for."""
    if (match := NAME.fullmatch(name)) is None:
        return None
    try:
        return match[1], datetime.strptime(match[2], TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def _free(name: str, taken: Container[str]) -> str:
    """Return a name that nothing has yet: the name itself, or numbered."""
    numbered = (f"{name}.{number}" for number in count(2))
    return next(each for each in chain([name], numbered) if each not in taken)


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


@contextmanager
def _removed_on_failure(path: str) -> Iterator[None]:
    try:
        yield
    except OSError:
        Path(path).unlink(missing_ok=True)
        raise


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SpoolError(f"the spool cannot be used: {error}") from error
