"""The past, tick by tick: for days if need be, whatever is killed, restarted or away meanwhile.

What is done is in the ledger and nowhere else: each run begins with what the ledger lacks, day by
day, so that memory stays flat, and looks once more before each request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event as Flag
from typing import Protocol

from ..errors import StoreAway, StoreError, UpstreamBusy
from ..events import Finished
from ..model import Collector, Status
from ..runner import Runner
from ..schedule import EPOCH
from ..store import Rank, Store
from .budget import Budget, Patience
from .naps import DATABASE_NAP

DAY = timedelta(days=1)
RECOUNT = timedelta(minutes=1)
PASSES = 3
PAUSED_NAP = 2.0


@dataclass(frozen=True, slots=True)
class Job:
    """What to fetch: every tick of a span, ``until`` not included, that is not good."""

    collector: Collector
    since: datetime
    until: datetime
    oldest_first: bool = False

    def days(self) -> Iterator[tuple[datetime, datetime]]:
        """Yield the UTC days of the span, cut to it, in the order in which they are fetched."""
        first, last = ((at - EPOCH) // DAY for at in (self.since, self.until))
        numbers = range(first, last + 1)
        for number in numbers if self.oldest_first else reversed(numbers):
            begin = EPOCH + number * DAY
            span = max(begin, self.since), min(begin + DAY, self.until)
            if span[0] < span[1]:
                yield span


class Watcher(Protocol):
    """Hears how a backfill goes."""

    def ran(self, finished: Finished, left: int) -> None:
        """Hear of a tick that was asked for, and how many are left."""

    def waits(self, why: str) -> None:
        """Hear why nothing is asked for just now."""


class Backfill:
    """Fetches what a job lacks until that is there, the source has no more, or it is stopped."""

    def __init__(
        self,
        runner: Runner,
        store: Store,
        now: Callable[[], datetime],
        pace: timedelta,
        stop: Flag,
        watcher: Watcher,
    ) -> None:
        self._runner = runner
        self._store = store
        self._now = now
        self._pace = pace
        self._stop = stop
        self._watcher = watcher
        self._budget = Budget(store, pace)
        self._patience = Patience(now, pace)
        self._has_leave = False
        self._worth_another = False
        self._left = 0
        self._counted: datetime | None = None

    def run(self, job: Job) -> int:
        """Run every tick that is not good; return how many stay so. Raises StoreBroken.

        What failed for a reason that passes is asked for again at the end.
        """
        for _ in range(PASSES):
            self._worth_another = False
            for day in job.days():
                self._keep_at(job, *day)
            if self._stop.is_set() or not self._worth_another:
                break
        return self._store.count_left(job.collector, job.since, job.until)

    def _keep_at(self, job: Job, since: datetime, until: datetime) -> None:
        """Run a day, and wait for a database that is away."""
        while not self._stop.is_set():
            try:
                self._run_day(job, since, until)
            except StoreAway as away:
                self._watcher.waits(f"the database is away: {away}")
                self._stop.wait(DATABASE_NAP)
            else:
                return

    def _run_day(self, job: Job, since: datetime, until: datetime) -> None:
        ticks = self._store.missing(job.collector, since, until)
        if not ticks:
            return
        ordered = ticks if job.oldest_first else ticks[::-1]
        elsewhere = []
        for tick in ordered:
            self._count(job)
            if not self._see_to(job.collector, tick):
                elsewhere.append(tick)
        for tick in elsewhere:
            while not self._see_to(job.collector, tick):
                self._stop.wait(self._pace.total_seconds())

    def _count(self, job: Job) -> None:
        """Count what is left, once in a while: others may fetch it as well."""
        now = self._now()
        if self._counted is None or now - self._counted >= RECOUNT:
            self._left = self._store.count_left(job.collector, job.since, job.until)
            self._counted = now

    def _see_to(self, collector: Collector, tick: datetime) -> bool:
        """Run a tick unless it is good; false where another process asks for it just now."""
        if not self._may_ask(collector):
            return True
        with self._store.claim(collector, tick) as ours:
            if not ours:
                return False
            finished = self._run_unless_good(collector, tick)
        if finished is not None:
            self._learn(finished)
        return True

    def _may_ask(self, collector: Collector) -> bool:
        """Wait until we may ask; a false answer means that we were told to stop."""
        while collector.name in self._store.paused_backfills() and not self._stop.is_set():
            self._watcher.waits("paused")
            self._stop.wait(PAUSED_NAP)
        source = collector.source.name
        self._has_leave = self._has_leave or self._budget.leave(source, Rank.BACKFILL, self._stop)
        return self._has_leave and not self._stop.is_set()

    def _run_unless_good(self, collector: Collector, tick: datetime) -> Finished | None:
        if not self._store.missing(collector, tick, collector.schedule.following(tick)):
            self._left -= 1
            return None
        self._has_leave = False
        return self._runner.run(collector, tick)

    def _learn(self, finished: Finished) -> None:
        """Tell of a run, and rest where the source is in trouble."""
        if finished.status is Status.AWAY and isinstance(finished.error, StoreError):
            raise finished.error
        self._left -= finished.status.good
        self._watcher.ran(finished, self._left)
        self._patience.learn(finished)
        self._worth_another |= isinstance(finished.error, UpstreamBusy)
        self._stop.wait(self._patience.rest().total_seconds())
