"""What collecting is made of. Values only: nothing in this module does any work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

from .schedule import Every
from .sources import Source

Row = tuple[Any, ...]

Number = Annotated[int, "integer"]
"""A whole number whose column is an integer, where others go to a bigint."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP GET that a collector wants made: a path below its source, and parameters."""

    source: Source
    path: str = ""
    params: Mapping[str, str | int] = field(default_factory=dict)

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.params.items())
        return f"{self.source.name}{self.path}{'?' if query else ''}{query}"


@dataclass(frozen=True, slots=True)
class Response:
    """What came back, before anyone has looked inside; ``at`` is when (UTC)."""

    request: Request
    body: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Tick:
    """One moment that a collector stands for.

    ``at`` is the aligned start of the time the rows are about, not the time the code runs, so
    that polling now and filling a gap of last year are the same call. ``newest`` is the newest
    stored time of what the collector continues from, where it names such a thing.
    """

    at: datetime
    newest: datetime | None = None


class Kind(StrEnum):
    """Why an entry of an answer cannot be a row."""

    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    MISSING_FIELD = "missing_field"
    BAD_ID = "bad_id"
    NULL_ENTRY = "null_entry"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Rejected:
    """One entry of an answer that cannot be a row: where it stood, why, and what it was.

    ``where`` is one entry's alone within the answers of a tick.
    """

    where: str
    reason: str
    value: Any = None
    kind: Kind = Kind.OTHER


@dataclass(frozen=True, slots=True)
class Decoded:
    """What an answer says: rows, entries that cannot be rows, and the request that continues it.

    ``drift`` tells in sentences how its shape differs from what the collector knows. ``digest``
    tells its data from others'; it is given where the same data twice in a row are not believed.
    """

    rows: list[Row] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    more: Request | None = None
    drift: list[str] = field(default_factory=list)
    digest: bytes | None = None


class Vanished(StrEnum):
    """What becomes of a stored row that the source no longer has."""

    KEEP = "keep it"
    DELETE = "delete it: the answer was the whole truth about its time"
    MARK = "set its removed_at: the answer was the whole truth about the table"


@dataclass(frozen=True, slots=True)
class Table:
    """Where rows go. A migration defines the table; this names what the writer must know.

    ``record`` is a NamedTuple whose fields are the columns, in order, and tell what these must
    hold: ``int`` a bigint, ``Annotated[int, "integer"]`` an integer. ``stamps`` are columns that
    change without making a row a different one. ``journal`` names a table of the same columns
    that receives each row that is new or different, and every row on the first tick of each UTC
    day, so that each day of it can be read alone. ``partition`` is how much time one partition of
    a big table holds: of the journal where there is one, else of the table.
    """

    name: str
    record: type[Row]
    key: tuple[str, ...]
    time: str = "timestamp"
    stamps: tuple[str, ...] = ()
    journal: str | None = None
    vanished: Vanished = Vanished.KEEP
    partition: timedelta | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in the order of a row."""
        return self.record._fields  # type: ignore[attr-defined, no-any-return]


@dataclass(frozen=True, slots=True)
class Resume:
    """Names the rows of a table that a collector continues from: those with this value."""

    column: str
    value: str


@dataclass(frozen=True, slots=True)
class Series:
    """How a source tells the history of one item: the request, how it is read, and usual items."""

    request: Callable[[int], Request]
    decode: Callable[[Response], Decoded]
    items: tuple[int, ...]
    stale: timedelta
    pause: timedelta


@dataclass(frozen=True, slots=True)
class Witness:
    """A second source that is asked whether the rows of a tick can be true.

    ``judge`` returns what is doubtful about rows, given the answer; it raises DecodeError where
    that is none. One answer serves for the ticks of the time ``every``.
    """

    request: Request
    judge: Callable[[Sequence[Row], Response], str | None]
    every: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """A source, when to ask it, how to read it, and where its rows go.

    ``history`` is the oldest tick that the source still answers for; None where it only knows the
    present. ``settles`` is how long after it is due a tick's answer stops changing. ``expect`` is
    how many rows a tick gives: outside of it someone is told, and the rows are kept all the same.
    ``instead`` names what to ask where a request fails for good. ``series`` is the way to mend
    single items. ``parts`` names the collector whose rows over a tick make those of this one
    together: sums, and means as heavy as their volumes. ``witness`` is asked whether the rows can
    be true; they are kept all the same. ``migrations`` names the package whose folder of that name
    makes the tables of a collector that does not come with gept.
    ``worth`` tells whose kept answers go last when there is no room for all.
    A collector is stale when its next good tick is an interval late, and ``patience`` at the least.
    """

    name: str
    about: str
    source: Source
    schedule: Every
    table: Table
    port: int
    requests: Callable[[Tick], Iterable[Request]]
    decode: Callable[[Response, Tick], Decoded]
    history: datetime | None = None
    settles: timedelta | None = None
    resume: Resume | None = None
    instead: Callable[[Request], Request | None] = lambda _: None
    series: Series | None = None
    parts: str | None = None
    witness: Witness | None = None
    migrations: str | None = None
    expect: range = range(1, 1_000_000)
    tolerates: float = 0.2
    patience: timedelta = timedelta(minutes=4)
    worth: int = 1

    @property
    def present_only(self) -> bool:
        """Whether its source only knows the present, so that an answer cannot be had again."""
        return self.history is None

    @property
    def tables(self) -> list[str]:
        """The tables that its rows go to, the one with every row first."""
        return [name for name in (self.table.journal, self.table.name) if name is not None]

    @property
    def keeps_first(self) -> bool:
        """Whether an answer is stamped with its tick, so that only the first one is true."""
        stamped = self.table.journal is not None or self.table.time in self.table.key
        return self.history is None and stamped

    def answers_for(self, tick: datetime, now: datetime) -> bool:
        """Tell whether the source can answer for a tick: any since ``history``, or only the newest.

        A source that only knows the present would have its answer stamped with the past.
        """
        if self.history is None:
            return tick == self.schedule.newest(now)
        return self.history <= tick <= self.schedule.newest(now)

    def settled(self, tick: datetime, now: datetime) -> bool:
        """Tell whether the answer for a tick no longer changes."""
        return self.settles is None or now >= self.settles_at(tick)

    def settles_at(self, tick: datetime) -> datetime:
        """Return when the answer for a tick stops changing."""
        return self.schedule.due(tick) + (self.settles or timedelta(0))

    def stale_at(self, newest: datetime) -> datetime:
        """Return when the collector is stale, given its newest good tick."""
        following = self.schedule.due(self.schedule.following(newest))
        return following + max(self.patience, self.schedule.interval)

    @property
    def lag_limit(self) -> timedelta:
        """How far the newest good tick may lie behind the newest possible one, at most."""
        return self.schedule.interval + max(self.patience, self.schedule.interval)


class Status(StrEnum):
    """How a tick stands, as the ledger writes it."""

    DONE = "done"
    EMPTY = "empty"
    PARTIAL = "partial"
    NOT_YET = "not_yet"
    REFUSED = "refused"
    FAILED = "failed"
    AWAY = "away"
    SPOOLED = "spooled"

    @property
    def good(self) -> bool:
        """Whether nothing is missing any more."""
        return self in {Status.DONE, Status.EMPTY}


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the rows of one tick."""

    inserted: int = 0
    updated: int = 0
    removed: int = 0
    unchanged: int = 0
    rejected: int = 0

    @property
    def rows(self) -> int:
        """How many rows the answer had."""
        return self.inserted + self.updated + self.unchanged

    @property
    def changed(self) -> int:
        """How many rows of the table are other ones now."""
        return self.inserted + self.updated + self.removed
