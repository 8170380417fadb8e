"""What is not there yet: late buckets, settled readings, catching up, and backfill.

All of them are ticks that the ledger calls due. One thread a source works through them, one
request at a time and a pause between two, beside the live ticks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from threading import Event as Flag

from .errors import StoreAway
from .events import Event, Finished
from .model import Collector, Status
from .runner import Runner
from .schedule import pause
from .store import Store

LONGEST_NAP = timedelta(seconds=60)
DATABASE_NAP = 5.0


class Repair:
    """Works through the due ticks of the collectors of one source; woken by what it observes."""

    def __init__(
        self,
        runner: Runner,
        store: Store,
        collectors: Sequence[Collector],
        now: Callable[[], datetime],
        horizon: timedelta,
        pace: timedelta,
        leads: Callable[[Collector], bool] = lambda _: True,
    ) -> None:
        self._runner = runner
        self._store = store
        self._collectors = {each.name: each for each in collectors}
        self._now = now
        self._horizon = horizon
        self._pace = pace
        self._awake = Flag()
        self._failing_since: datetime | None = None

    def __call__(self, event: Event) -> None:
        """Wake up when a tick of ours has to be asked for again."""
        if isinstance(event, Finished) and event.collector in self._collectors and event.next_try:
            self.wake()

    def wake(self) -> None:
        """End the present nap."""
        self._awake.set()

    def follow(self, stop: Flag) -> None:
        """Run what is due until told to stop. Raises StoreBroken, which a person must see."""
        while not stop.is_set():
            self._awake.clear()
            try:
                if self._work(stop):
                    stop.wait(self._patience().total_seconds())
                else:
                    self._awake.wait(self._until_due().total_seconds())
            except StoreAway:
                stop.wait(DATABASE_NAP)

    def _work(self, stop: Flag) -> bool:
        """Run at most one due tick of each collector; tell whether there was any."""
        worked = False
        for collector in self._collectors.values():
            now = self._now()
            for tick in self._store.due(collector, self._reach(collector, now), now):
                if (worked and stop.wait(self._pace.total_seconds())) or stop.is_set():
                    return worked
                self._learn(self._runner.run(collector, tick))
                worked = True
        return worked

    def _learn(self, finished: Finished) -> None:
        """Remember since when the source does not answer, or the database does not take rows."""
        if finished.status not in {Status.FAILED, Status.AWAY}:
            self._failing_since = None
        elif self._failing_since is None:
            self._failing_since = self._now()

    def _patience(self) -> timedelta:
        """Return the pause before the next tick: the longer the source is away, the longer."""
        if self._failing_since is None:
            return self._pace
        trying = self._now() - self._failing_since
        return min(max(pause(trying, self._pace), trying / 10), LONGEST_NAP)

    def _until_due(self) -> timedelta:
        now = self._now()
        found = [
            self._store.next_due(each, self._reach(each, now), now)
            for each in self._collectors.values()
        ]
        naps = [max(at - now, self._pace) for at in found if at is not None]
        return min([*naps, LONGEST_NAP])

    def _reach(self, collector: Collector, now: datetime) -> datetime:
        """Return the oldest tick that heals by itself: for a source of the present, the newest."""
        newest = collector.schedule.newest(now)
        if collector.history is None:
            return newest
        return max(newest - self._horizon, collector.history)


def backfill(
    runner: Runner,
    store: Store,
    collector: Collector,
    span: tuple[datetime, datetime],
    pace: timedelta,
    stop: Flag,
    tell: Callable[[Finished, int], None],
) -> int:
    """Run every tick of a span that is not good, the newest first; return how many stay so.

    ``tell`` hears of each run, and how many are left.
    """
    missing = store.missing(collector, *span)[::-1]
    for left, tick in zip(range(len(missing) - 1, -1, -1), missing, strict=True):
        finished = runner.run(collector, tick)
        tell(finished, left)
        if finished.status is Status.AWAY or stop.wait(pace.total_seconds() if left else 0):
            break
    return len(store.missing(collector, *span))
