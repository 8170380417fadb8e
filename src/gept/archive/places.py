"""Where an archive is: a folder, or a bucket. Each file is there whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ..disk import settle
from ..errors import ArchiveError, UsageError
from ..settings import Settings


class Place(Protocol):
    """Keeps files by their names, which have folders in them. Each raises ArchiveError."""

    def get(self, name: str) -> bytes | None:
        """Return a file; None where it is not there."""

    def size(self, name: str) -> int | None:
        """Return how many bytes a file has; None where it is not there."""

    def put(self, name: str, data: bytes) -> None:
        """Keep a file, in place of one that may be there, and see that it is what was given."""

    def names(self, folder: str) -> list[str]:
        """Return the names of all files below a folder, sorted."""

    def exists(self) -> bool:
        """Tell whether there is such a place at all."""


class Folder:
    """A folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __str__(self) -> str:
        return str(self._root)

    def get(self, name: str) -> bytes | None:
        """Return a file; None where it is not there."""
        with self._told(name):
            try:
                return (self._root / name).read_bytes()
            except FileNotFoundError:
                return None

    def size(self, name: str) -> int | None:
        """Return how many bytes a file has; None where it is not there."""
        with self._told(name):
            try:
                return (self._root / name).stat().st_size
            except FileNotFoundError:
                return None

    def put(self, name: str, data: bytes) -> None:
        """Keep a file: under another name until it is on disk and was read again."""
        path = self._root / name
        waiting = path.with_name(f".{path.name}.{os.getpid()}")
        with self._told(name):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                _write(waiting, data)
                if waiting.read_bytes() != data:
                    raise ArchiveError(f"{path}: was read other than it was written; see the disk")
                waiting.replace(path)
            finally:
                waiting.unlink(missing_ok=True)
            settle(path.parent)

    def names(self, folder: str) -> list[str]:
        """Return the names of all files below a folder, sorted."""
        with self._told(folder):
            found = (self._root / folder).rglob("*")
            return sorted(each.relative_to(self._root).as_posix() for each in found)

    def exists(self) -> bool:
        """Tell whether the folder is there."""
        with self._told(""):
            return self._root.is_dir()

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ArchiveError(f"{self._root / name}: {error.strerror or error}") from error


def opened(where: str, settings: Settings) -> Place:
    """Return the place that a text names. Raises UsageError for a text that names none."""
    if where.startswith("s3://"):
        from .bucket import Bucket

        return Bucket(where, settings)
    if "://" in where:
        raise UsageError(f"{where!r} is no place; name a folder, or s3://bucket/prefix")
    root = Path(where).expanduser().absolute()
    if root.exists() and not root.is_dir():
        raise UsageError(f"{where!r} is a file; name a folder, or s3://bucket/prefix")
    return Folder(root)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
