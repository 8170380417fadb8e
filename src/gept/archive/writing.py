"""Closed days into an archive: compared row by row with the database before they count as there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import chain, zip_longest
from typing import Any

from .. import __version__
from ..errors import ArchiveError
from ..model import Collector, Row
from ..store.copying.closed import Closed, Snapshot, Standing
from ..store.copying.content import Content
from . import manifest, parquet
from .checksum import content_of
from .manifest import FORM, Manifest, Ticks, Version
from .shelf import Shelf

DAY = timedelta(days=1)


class Outcome(StrEnum):
    """What became of a day."""

    WRITTEN = "archived"
    AGAIN = "archived anew: it has changed"
    TICKS = "its rows are as they were; its ledger is archived anew"
    SAME = "archived already"
    LEFT = "left"
    LOST = "left, since rows are gone"


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a day, why it was left, and how many rows the archived ones are too few."""

    day: date
    outcome: Outcome
    rows: int = 0
    bytes: int = 0
    why: str = ""
    lacking: int = 0


@dataclass(frozen=True, slots=True)
class Terms:
    """Which days are taken.

    ``gaps`` takes days as well of which ticks are missing for good; ``lacking`` those of which
    rows are gone that the ledger tells of. ``check`` compares the rows of days, too, whose ledger
    is as it was when they were archived.
    """

    gaps: bool = False
    lacking: bool = False
    check: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What the database holds of a day; ``lacking`` has ticks with too few rows, and how many."""

    content: Content
    ticks: Ticks
    lacking: list[tuple[datetime, int]]

    @property
    def gone(self) -> int:
        """How many rows the ledger tells of that are not there."""
        return sum(count for _, count in self.lacking)


class Archive:
    """Writes the days of one collector."""

    def __init__(
        self, closed: Closed, shelf: Shelf, now: datetime, terms: Terms | None = None
    ) -> None:
        self._closed = closed
        self._shelf = shelf
        self._now = now
        self._terms = terms or Terms()

    def write(self, since: datetime, until: datetime) -> Iterator[Told]:
        """Archive each complete day of a span, and yield what became of it."""
        collector = self._shelf.collector
        for standing in self._closed.days(collector, since, until):
            if why := _unfit(collector, standing, self._terms.gaps):
                yield Told(standing.day, Outcome.LEFT, why=why)
            else:
                yield self._one(standing.day)

    def _one(self, day: date) -> Told:
        known = self._shelf.manifest(day)
        whole = known if self._whole(known) else None
        with self._closed.snapshot(self._shelf.collector, day) as snapshot:
            ticks = _ticks(snapshot.ticks())
            if whole and whole.ticks == ticks and not self._terms.check:
                return Told(day, Outcome.SAME, whole.rows, whole.bytes)
            found = Found(snapshot.content(), ticks, snapshot.lacking())
            if whole and whole.content == found.content:
                return self._same_rows(whole, found)
            if why := self._refusal(known, found):
                return Told(day, Outcome.LOST, why=why)
            data = self._encoded(snapshot, found.content)
        made = self._manifest(day, found, data, known)
        self._keep(made, data, known)
        outcome = Outcome.AGAIN if known else Outcome.WRITTEN
        return Told(day, outcome, made.rows, made.bytes, lacking=made.lacking)

    def _whole(self, known: Manifest | None) -> bool:
        """Tell whether the file of a day is there; where rows are checked, it is read."""
        if known is None:
            return False
        return self._shelf.is_whole(known) if self._terms.check else self._shelf.is_there(known)

    def _refusal(self, known: Manifest | None, found: Found) -> str:
        """Return why rows cannot be archived as they are; nothing where they can."""
        if known and (why := _lost(known, found)):
            return why
        return "" if self._terms.lacking else _gone(self._shelf.collector, found)

    def _same_rows(self, known: Manifest, found: Found) -> Told:
        if known.ticks == found.ticks:
            return Told(known.day, Outcome.SAME, known.rows, known.bytes)
        self._put(_changed(known, ticks=found.ticks, lacking=found.gone))
        return Told(known.day, Outcome.TICKS, known.rows, known.bytes)

    def _encoded(self, snapshot: Snapshot, content: Content) -> bytes:
        """Return the file of a day, once it was read again and is the same as the database."""
        table = snapshot.collector.table
        about = {"table": self._shelf.table, "day": str(snapshot.day), "rows": content.rows}
        about |= {"schema": parquet.SCHEMA_VERSION, "gept": __version__}
        about["checksum"] = content.checksum
        data = parquet.encode(table, snapshot.rows(), about)
        for stored, read in zip_longest(_each(snapshot.rows()), _each(parquet.decode(table, data))):
            if stored != read:
                raise ArchiveError(f"{snapshot.day}: {stored} was read from Parquet as {read}")
        if content_of(table, _each(parquet.decode(table, data))) != content:
            raise ArchiveError(f"{snapshot.day}: the checksum of the file is not the database's")
        return data

    def _manifest(self, day: date, found: Found, data: bytes, known: Manifest | None) -> Manifest:
        replaced = [*known.replaced, _version(known)] if known else []
        content = found.content
        return Manifest(
            form=FORM,
            gept=__version__,
            schema=parquet.SCHEMA_VERSION,
            collector=self._shelf.collector.name,
            table=self._shelf.table,
            day=day,
            version=known.version + 1 if known else 1,
            rows=content.rows,
            bytes=len(data),
            sha256=manifest.digest(data),
            checksum=content.checksum,
            low=content.low,
            high=content.high,
            archived_at=self._now,
            ticks=found.ticks,
            lacking=found.gone,
            replaced=replaced,
        )

    def _keep(self, made: Manifest, data: bytes, known: Manifest | None) -> None:
        """Put a day in its place, the manifest last; what it replaces is put aside first."""
        if known is not None and self._shelf.is_whole(known):
            self._shelf.place.put(known.aside, self._shelf.file(known))
            self._put(known, manifest.replaced_manifest_of(known.table, known.day, known.version))
        self._shelf.place.put(made.place, data)
        self._put(made)

    def _put(self, made: Manifest, name: str | None = None) -> None:
        name = name or manifest.manifest_of(made.table, made.day)
        self._shelf.place.put(name, manifest.encode(made))


def _unfit(collector: Collector, standing: Standing, gaps: bool) -> str:
    """Return why a day cannot be archived; nothing where it can."""
    missing = expected(collector, standing.day) - standing.good
    if standing.dropped:
        return "its rows are only in the archive already"
    if missing and not (gaps and collector.present_only):
        return f"{missing} ticks are missing"
    return f"{standing.unsettled} ticks are not settled" if standing.unsettled else ""


def _lost(known: Manifest, found: Found) -> str:
    """Return why a day cannot take the place of the archived one; nothing where it can.

    A correction that takes rows away is in the ledger; a loss of rows is not.
    """
    gone = known.rows - found.content.rows
    if gone <= 0 or found.ticks.answered < known.ticks.answered:
        return ""
    return (
        f"the database lacks {gone} of the {known.rows} archived rows, and the ledger does not "
        "know why; bring them back by `gept archive restore --replace`"
    )


def _gone(collector: Collector, found: Found) -> str:
    """Return what is gone that the ledger tells of; nothing where nothing is."""
    if not found.lacking:
        return ""
    first = found.lacking[0][0].astimezone(UTC)
    return (
        f"{found.gone} rows are gone that the ledger tells of, in {len(found.lacking)} ticks from "
        f"{first:%Y-%m-%d %H:%M}Z on; `gept once {collector.name} --at {first:%Y-%m-%dT%H:%M}Z` "
        "asks for one again, --accept takes the day as it is"
    )


def expected(collector: Collector, day: date) -> int:
    """Return how many ticks a UTC day has; the first day of a history has fewer."""
    begin = datetime.combine(day, time(0), UTC)
    first = max(begin, collector.history or begin)
    return sum(1 for _ in collector.schedule.between(first, begin + DAY))


def _each(batches: Iterable[list[Row]]) -> Iterator[Row]:
    return chain.from_iterable(batches)


def _ticks(found: list[dict[str, Any]]) -> Ticks:
    columns = sorted(found[0]) if found else []
    return Ticks(columns, [[tick[name] for name in columns] for tick in found])


def _version(of: Manifest) -> Version:
    return Version(of.version, of.sha256, of.rows)


def _changed(known: Manifest, **changes: Any) -> Manifest:
    import msgspec

    return msgspec.structs.replace(known, **changes)
