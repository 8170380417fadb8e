"""What the commands of the archive are about: the collector, the place, the span."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from ...errors import UsageError

if TYPE_CHECKING:
    from ...archive.shelf import Shelf
    from ...model import Collector
    from ...settings import Settings

DAY = timedelta(days=1)


def collector_of(name: str, loaded: Settings) -> Collector:
    """Return the collector of a name, or of a table's name. Raises UsageError."""
    from ...app import chosen

    known = {each.name: each for each in chosen([], loaded) if each.table.partition is not None}
    by_table = {each.tables[0]: each for each in known.values()}
    found = known.get(name) or by_table.get(name)
    if found is None:
        names = ", ".join(f"{each.name} ({table})" for table, each in by_table.items())
        raise UsageError(f"NAME: {name!r} has no days that can be archived; take one of {names}")
    return found


def shelf_of(name: str, where: str | None, loaded: Settings) -> Shelf:
    """Return the days of a name in a place: by default in that of the settings."""
    from ...archive import parquet, places
    from ...archive.shelf import Shelf

    parquet.refuse_without()
    default = loaded.archive or str(loaded.folder / "archive")
    return Shelf(places.opened(where or default, loaded), collector_of(name, loaded))


def names(loaded: Settings) -> list[str]:
    """Return the names of the collectors whose days can be archived."""
    from ...app import chosen

    return [each.name for each in chosen([], loaded) if each.table.partition is not None]


def midnight(at: datetime) -> datetime:
    """Return the beginning of the UTC day of a moment."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def first_day(since: datetime) -> date:
    """Return the first UTC day that lies after a moment whole."""
    return (midnight(since + DAY - timedelta(microseconds=1))).date()
