"""Drops from the database what an archive holds, once that was read again whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from ..errors import ArchiveAway, ArchiveError
from ..store.copying.closed import Closed
from ..store.copying.content import Content
from ..store.layouts.retention import Part
from .shelf import Shelf

DAY = timedelta(days=1)


class Dropping:
    """Drops the parts of one table: whole partitions or chunks, and only those held whole."""

    def __init__(self, closed: Closed, shelf: Shelf) -> None:
        self._closed = closed
        self._shelf = shelf

    def parts(self, since: datetime, until: datetime) -> Iterator[tuple[Part, str]]:
        """Yield the parts of a span, each with why it stays; nothing where it may go."""
        for part in self._closed.parts(self._shelf.collector, since, until):
            days = self._closed.days_with_rows(self._shelf.collector, part)
            if days:
                yield part, self._why_not(days)

    def drop(self, part: Part) -> None:
        """Read every day of a part in the archive, and drop the part. Raises ArchiveError."""
        held: dict[date, Content] = {}
        for number in range((part.high - part.low) // DAY):
            day = (part.low.astimezone(UTC) + number * DAY).date()
            if self._shelf.manifest(day) is not None:
                held[day] = self._shelf.verify(day).content
        self._closed.drop(self._shelf.collector, part, held, str(self._shelf.place))

    def _why_not(self, days: list[date]) -> str:
        for day in days:
            try:
                if self._shelf.manifest(day) is None:
                    return f"{day} is not archived"
                self._shelf.verify(day)
            except ArchiveAway:
                raise
            except ArchiveError as error:
                return str(error)
        return ""
