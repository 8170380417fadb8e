"""What the database is told, and what it tells, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import IntEnum
from uuid import UUID

from ..model import Counts, Status

LIVES = timedelta(minutes=1)
"""A process whose newest heart beat is older has ended, or is cut off."""


class Rank(IntEnum):
    """What gives way to what: the smaller number goes first. Live ticks do not wait at all."""

    CORRECTION = 0
    CATCH_UP = 1
    BACKFILL = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger is to say of a run of a tick; ``tape`` is its answer, to be kept.

    ``accept_removals`` tells that someone has decided that what the answer lacks is gone.
    """

    collector: str
    tick: datetime
    status: Status
    asked: datetime
    now: datetime
    counts: Counts = Counts()
    settled: bool = False
    error: str | None = None
    next_try: datetime | None = None
    tape: bytes | None = None
    accept_removals: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger says of a tick before a run of it.

    ``archived_in`` names the archive that alone holds its day, where the rows were dropped here.
    """

    status: Status | None
    attempts: int
    first_asked: datetime | None
    superseded: bool
    first_of_day: bool
    digest_before: bytes | None = None
    digest: bytes | None = None
    asked: datetime | None = None
    archived_in: str | None = None

    @property
    def repeats(self) -> bool:
        """Whether what is stored of the tick repeats the tick before."""
        return self.digest is not None and self.digest == self.digest_before


@dataclass(frozen=True, slots=True)
class Process:
    """A process that collects, as its newest heart beat tells."""

    id: UUID
    host: str
    pid: int
    version: str
    started_at: datetime
    beat_at: datetime
    collectors: list[str]
    leads: list[str]
    last_ticks: dict[str, str]
    spooled: int


@dataclass(frozen=True, slots=True)
class Holder:
    """A session that holds the lead of a collector: of which process, and that one's last beat."""

    collector: str
    process: UUID
    session: int
    beat_at: datetime | None


@dataclass(frozen=True, slots=True)
class Size:
    """How big a table is with its partitions; ``rows`` is an estimate, ``size`` is in bytes."""

    name: str
    there: bool
    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A table beside ours that others fill; ``error`` is why its newest time is not known."""

    name: str
    size: Size | None = None
    newest: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """A range of ticks that are wanted and not there, ``until`` not included, and why."""

    since: datetime
    until: datetime
    ticks: int
    cause: str
    error: str | None


@dataclass(frozen=True, slots=True)
class Day:
    """How many ticks of a UTC day are wanted, and how they stand."""

    day: date
    wanted: int
    done: int
    empty: int
    missing: int


@dataclass(frozen=True, slots=True)
class Extent:
    """The first wanted tick that is not there, and since when none is missing up to the newest."""

    complete_until: datetime | None = None
    unbroken_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a collector stands, as the ledger tells it."""

    newest_good: datetime | None
    stored_tick: datetime | None
    committed_at: datetime | None
    tick: datetime | None
    status: str | None
    error: str | None
    attempts: int | None
    rows: int | None

    @property
    def newest_stored(self) -> tuple[datetime, datetime] | None:
        """The newest tick that has rows, and when these were committed."""
        if self.stored_tick is None or self.committed_at is None:
            return None
        return self.stored_tick, self.committed_at
