"""The days that a place holds: read, written, and verified."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import NamedTuple

from ..errors import ArchiveAway, ArchiveError
from ..model import Collector, Row
from . import manifest, parquet
from .checksum import content_of
from .manifest import MANIFEST, Manifest
from .places import Place


class Kept(NamedTuple):
    """A version of a day: its manifest, and the name of its file."""

    manifest: Manifest
    name: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """The days of one collector in a place."""

    place: Place
    collector: Collector

    @property
    def table(self) -> str:
        """The table whose rows it holds."""
        return self.collector.tables[0]

    def days(self) -> list[date]:
        """Return the days that have a manifest, the oldest first."""
        names = self.place.names(manifest.folder_of(self.table))
        found = (MANIFEST.search(each) for each in names)
        return sorted(date.fromisoformat(each[1]) for each in found if each)

    def manifest(self, day: date) -> Manifest | None:
        """Return the manifest of a day, if there is one. Raises ArchiveError for another's."""
        return self._read(manifest.manifest_of(self.table, day))

    def version(self, day: date, number: int | None = None) -> Kept:
        """Return a version of a day, the newest unless one is named. Raises ArchiveError."""
        newest = self.manifest(day)
        if newest is None:
            raise ArchiveError(f"{manifest.manifest_of(self.table, day)}: is not there")
        if number in {None, newest.version}:
            return Kept(newest, newest.place)
        found = self._read(manifest.replaced_manifest_of(self.table, day, number))
        if found is None:
            told = "`gept archive list` shows which there are"
            raise ArchiveError(f"{self.table} {day}: has no version {number}; {told}")
        return Kept(found, found.aside)

    def _read(self, name: str) -> Manifest | None:
        data = self.place.get(name)
        if data is None:
            return None
        found = manifest.decode(data, name)
        if found.collector != self.collector.name:
            raise ArchiveError(f"{name}: holds what {found.collector} has collected")
        return found

    def file(self, of: Manifest, name: str | None = None) -> bytes:
        """Return the file of a day, which an older version has under another name.

        Raises ArchiveError where it is not that of its manifest.
        """
        name = name or of.place
        data = self.place.get(name)
        if data is None:
            raise ArchiveError(f"{name}: is not there, though its manifest is")
        if len(data) != of.bytes:
            size = f"{len(data)} bytes, where its manifest has {of.bytes}"
            raise ArchiveError(f"{name}: has {size}: it is cut, or another file")
        if manifest.digest(data) != of.sha256:
            raise ArchiveError(f"{name}: is not the file of its manifest, or is damaged")
        return data

    def is_there(self, of: Manifest) -> bool:
        """Tell whether the file of a day is there, by its size."""
        return self.place.size(of.place) == of.bytes

    def is_whole(self, of: Manifest) -> bool:
        """Tell whether the file of a day is that of its manifest; it is read for that."""
        try:
            return bool(self.file(of))
        except ArchiveAway:
            raise
        except ArchiveError:
            return False

    def rows(self, of: Manifest, data: bytes) -> Iterator[list[Row]]:
        """Yield the rows of a file, some at a time. Raises ArchiveError, naming the file."""
        try:
            yield from parquet.decode(self.collector.table, data)
        except ArchiveError as error:
            raise ArchiveError(f"{of.place}: {error}") from error

    def verify(self, day: date) -> Manifest:
        """Read a day whole. Raises ArchiveError where it is not what its manifest says."""
        found, _ = self.version(day)
        rows = chain.from_iterable(self.rows(found, self.file(found)))
        if content_of(self.collector.table, rows) != found.content:
            raise ArchiveError(f"{found.place}: does not have the rows that its manifest tells of")
        return found
