"""Days of an archive back into the database, as they were, with their ticks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ..store.copying.closed import Closed
from .shelf import Shelf


@dataclass(frozen=True, slots=True)
class Restored:
    """A day that is in the database now, and whether it was not there before."""

    rows: int
    new: bool


def restore(
    closed: Closed, shelf: Shelf, day: date, *, replace: bool, version: int | None = None
) -> Restored:
    """Bring a day back, whole or not at all: the newest version of it unless one is named.

    Raises ArchiveError where the file is not what its manifest says, or not there, UsageError where
    the database has other rows of the day.
    """
    found, name = shelf.version(day, version)
    rows = shelf.rows(found, shelf.file(found, name))
    ticks = [dict(zip(found.ticks.columns, tick, strict=True)) for tick in found.ticks.rows]
    held = found.content
    new = closed.bring_back(shelf.collector, day, rows, held, ticks, replace=replace)
    return Restored(found.rows, new)
