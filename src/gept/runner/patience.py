"""When a tick is asked for again, and when its source has nothing there for good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..errors import NotYet, UpstreamBusy
from ..model import Collector, Status
from ..schedule import pause
from ..store import Known

LATE, LATE_UNTIL = timedelta(seconds=4), timedelta(minutes=10)
LONG_LATE = timedelta(minutes=1)
AFTER_TROUBLE = timedelta(seconds=15)
EMPTY_AFTER_TRIES = 3
EMPTY_AFTER_TRYING = timedelta(days=1)
EMPTY_AFTER = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run of a tick has ended, at ``now``."""

    collector: Collector
    at: datetime
    status: Status
    error: Exception | None
    now: datetime

    @property
    def waited(self) -> timedelta:
        """How long ago the tick was due."""
        return self.now - self.collector.schedule.due(self.at)


def says_nothing(error: Exception, length: timedelta) -> bool:
    """Tell whether a source says that it has nothing of a tick that is so old."""
    return isinstance(error, NotYet) and error.nothing and length >= EMPTY_AFTER


def emptiness(known: Known, now: datetime) -> Status:
    """Return the status of a tick of which the source says nothing once more.

    EMPTY where it has had nothing for days, at several tries.
    """
    trying = now - (known.first_asked or now)
    enough = known.attempts + 1 >= EMPTY_AFTER_TRIES and trying >= EMPTY_AFTER_TRYING
    return Status.EMPTY if enough or known.status is Status.EMPTY else Status.NOT_YET


def settled_try(ended: Ended) -> datetime | None:
    """Return when a good tick is read once more; None where it is final."""
    collector, at = ended.collector, ended.at
    if ended.status is Status.EMPTY or collector.settled(at, ended.now):
        return None
    return collector.settles_at(at)


def next_try(ended: Ended, known: Known, horizon: timedelta) -> datetime | None:
    """Return when to ask for a tick again that is not good; None where nobody would."""
    if ended.waited < timedelta(0):
        return ended.collector.schedule.due(ended.at)
    length = pause(ended.now - (known.first_asked or ended.now), quickest(ended))
    if isinstance(ended.error, UpstreamBusy) and ended.error.retry_after:
        length = max(length, timedelta(seconds=ended.error.retry_after))
    lately = ended.waited < horizon or known.status is Status.DONE
    answers = ended.collector.answers_for(ended.at, ended.now + length)
    return ended.now + length if lately and answers else None


def quickest(ended: Ended) -> timedelta:
    """Return the shortest pause before a tick is asked for again."""
    if ended.status is not Status.NOT_YET:
        return AFTER_TROUBLE
    return LATE if ended.waited < LATE_UNTIL else LONG_LATE
