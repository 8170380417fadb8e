"""What happens while collecting, as values. Metrics, logs and health each watch these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from .model import Counts, Rejected, Request, Status

LARGEST_SKEW = 5.0
"""Seconds that a clock may be wrong by before someone is told."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A request was answered, or broke (status 0). ``size`` is bytes after decoding.

    ``skew`` is how many seconds our clock is ahead of the source's at least, where it told.
    """

    request: Request
    status: int
    seconds: float
    size: int
    skew: float | None = None


@dataclass(frozen=True, slots=True)
class Retried:
    """A request will be made again after a pause of so many seconds."""

    request: Request
    error: BaseException | None
    pause: float


@dataclass(frozen=True, slots=True)
class Closed:
    """A source asked that nobody asks it for so many seconds."""

    request: Request
    seconds: float


@dataclass(frozen=True, slots=True)
class Finished:
    """One run of one tick of one collector is over.

    ``committed`` is when its rows were committed (UTC); None where there are none. ``again`` tells
    a tick that had been good before. ``next_try`` is when it will be asked for again, if at all.
    ``drift`` tells how the answer differs from what we know; None where nothing was read.
    """

    collector: str
    tick: datetime
    status: Status
    counts: Counts = field(default_factory=Counts)
    seconds: float = 0.0
    committed: datetime | None = None
    again: bool = False
    error: Exception | None = None
    warning: str | None = None
    rejected: tuple[Rejected, ...] = ()
    next_try: datetime | None = None
    drift: tuple[str, ...] | None = None

    @property
    def trouble(self) -> str | None:
        """What is wrong with the tick, in a sentence; None where nothing is."""
        if self.error is None:
            return None if self.status.good else UNTAKEN
        return None if self.status.good else str(self.error) or type(self.error).__name__


UNTAKEN = "the database has not taken it yet"
"""What is wrong with a tick that only waits behind others."""
FULL = "the spool is full"
"""Why an answer is lost, where the spool may not grow."""
NO_ROOM = "the disk of DATA_DIR is full"
"""Why an answer is lost, where the spool may grow and cannot."""
REMEDIES = {
    FULL: "bring the database back, or raise GEPT_SPOOL_LIMIT",
    NO_ROOM: "make room on the disk of DATA_DIR",
}
UNWRITABLE = "let gept write to the disk of DATA_DIR"


@dataclass(frozen=True, slots=True)
class Dropped:
    """An answer is lost: there was no room for all and it was worth the least, or no disk."""

    collector: str
    tick: datetime
    reason: str = FULL


def remedy(reason: str) -> str:
    """Return what to do about a reason for which answers are lost."""
    return REMEDIES.get(reason, UNWRITABLE)


Event = Fetched | Retried | Closed | Finished | Dropped
Observer = Callable[[Event], None]


def tell(*observers: Observer) -> Observer:
    """Return an observer that tells each of several."""

    def observe(event: Event) -> None:
        for observer in observers:
            observer(event)

    return observe
