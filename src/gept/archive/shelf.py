"""The days that a place holds: read, written, and verified."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain

from ..errors import ArchiveError
from ..model import Collector, Row
from . import manifest, parquet
from .checksum import content_of
from .manifest import MANIFEST, Manifest
from .places import Place


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
        name = manifest.manifest_of(self.table, day)
        data = self.place.get(name)
        if data is None:
            return None
        found = manifest.decode(data, name)
        if found.collector != self.collector.name:
            raise ArchiveError(f"{name}: holds what {found.collector} has collected")
        return found

    def file(self, of: Manifest) -> bytes:
        """Return the file of a day. Raises ArchiveError where it is not that of its manifest."""
        data = self.place.get(of.place)
        if data is None:
            raise ArchiveError(f"{of.place}: is not there, though its manifest is")
        if len(data) != of.bytes:
            size = f"{len(data)} bytes, where its manifest has {of.bytes}"
            raise ArchiveError(f"{of.place}: has {size}: it is cut, or another file")
        if manifest.digest(data) != of.sha256:
            raise ArchiveError(f"{of.place}: is not the file of its manifest, or is damaged")
        return data

    def is_there(self, of: Manifest) -> bool:
        """Tell whether the file of a day is there, by its size."""
        return self.place.size(of.place) == of.bytes

    def is_whole(self, of: Manifest) -> bool:
        """Tell whether the file of a day is that of its manifest; it is read for that."""
        try:
            return bool(self.file(of))
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
        found = self.manifest(day)
        if found is None:
            raise ArchiveError(f"{manifest.manifest_of(self.table, day)}: is not there")
        rows = chain.from_iterable(self.rows(found, self.file(found)))
        if content_of(self.collector.table, rows) != found.content:
            raise ArchiveError(f"{found.place}: does not have the rows that its manifest tells of")
        return found
