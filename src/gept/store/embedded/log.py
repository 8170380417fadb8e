"""What the embedded server writes of itself, and what it tells of a disk without room."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import disk_usage
from typing import IO

from ...errors import StoreAway

LARGEST = 5_000_000
SHOWN = 5
LEAST_ROOM = 1 << 20
"""Bytes without which a server can hardly say that it lacks room."""
OUT_OF_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
SIGNS = tuple(os.strerror(number) for number in OUT_OF_ROOM)


class Log:
    """The log of a server, in its folder."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "postgres.log"
        self._begin = 0

    def opened(self) -> IO[bytes]:
        """Return it opened for the next start; one that is too long is put aside."""
        if self.file.exists() and self.file.stat().st_size > LARGEST:
            self.file.replace(self.file.with_suffix(".log.1"))
        opened = self.file.open("ab")
        self._begin = opened.tell()
        return opened

    def end(self) -> str:
        """Return the last lines since the last start."""
        try:
            with self.file.open("rb") as log:
                log.seek(self._begin)
                lines = log.read().decode("utf-8", "replace").splitlines()
        except OSError as error:
            return str(error)
        return "\n".join(lines[-SHOWN:])

    def refuse_full_disk(self) -> None:
        """Raise StoreAway where a server has just died for want of room, which may come."""
        silent = disk_usage(self.file.parent).free < LEAST_ROOM
        if silent or any(sign in self.end() for sign in SIGNS):
            raise _full(self.file.parent)


@contextmanager
def needing_room(folder: Path) -> Iterator[None]:
    """Raise StoreAway in place of an OSError that tells of a disk without room."""
    try:
        yield
    except OSError as error:
        if error.errno not in OUT_OF_ROOM:
            raise
        raise _full(folder) from error


def _full(folder: Path) -> StoreAway:
    return StoreAway(
        f"PostgreSQL does not start: the disk of {folder} is full; make room on the disk of "
        "DATA_DIR, and gept goes on by itself"
    )
