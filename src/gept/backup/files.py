"""Streams to and from files, measured on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

CHUNK = 1 << 20


class Readable(Protocol):
    """Something to read from."""

    def read(self, size: int, /) -> bytes:
        """Return some more, at most so many bytes; nothing at the end."""
        ...


class Digest:
    """What went through: how many bytes, and their SHA-256."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.size = 0

    def update(self, part: bytes) -> None:
        """Count some more."""
        self._hash.update(part)
        self.size += len(part)

    @property
    def sha256(self) -> str:
        """The SHA-256 of all."""
        return self._hash.hexdigest()


class Measured:
    """A file that is written, and measured on the way."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = Digest()

    def write(self, part: bytes) -> int:
        """Write some more."""
        self.digest.update(part)
        return self._file.write(part)

    def flush(self) -> None:
        """Hand all to the system."""
        self._file.flush()


def parts(file: Readable) -> Iterator[bytes]:
    """Yield what is left of a file, a piece at a time."""
    while part := file.read(CHUNK):
        yield part


def digest(path: Path) -> Digest:
    """Return what a file holds."""
    found = Digest()
    with path.open("rb") as file:
        for part in parts(file):
            found.update(part)
    return found
