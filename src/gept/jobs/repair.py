"""What is not there yet: late buckets, settled readings, and catching up.

All of them are ticks that the ledger calls due. One thread a source works through them, one
request at a time within the source's budget, beside the live ticks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from threading import Event as Flag

from ..errors import StoreAway
from ..events import Event, Finished
from ..model import Collector
from ..runner import Runner
from ..store import Rank, Store
from .budget import LONGEST_NAP, Budget, Patience
from .naps import DATABASE_NAP, Sleeper

LOOKED_AT = 5
"""So many due ticks are looked at for one that is in nobody's hands."""
HELD_NAP = timedelta(seconds=1)


class Repair(Sleeper):
    """Works through the due ticks of the collectors of one source; woken by what it observes.

    ``leads`` tells whether a collector is ours to follow; another process repairs the others.
    """

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
        super().__init__()
        self._runner = runner
        self._store = store
        self._collectors = {each.name: each for each in collectors}
        self._now = now
        self._horizon = horizon
        self._pace = pace
        self._leads = leads
        self._budget = Budget(store, pace)
        self._patience = Patience(now, pace)
        self._has_leave = False

    def __call__(self, event: Event) -> None:
        """Wake up when a tick of ours has to be asked for again."""
        if isinstance(event, Finished) and event.collector in self._collectors and event.next_try:
            self.wake()

    def follow(self, stop: Flag) -> None:
        """Run what is due until told to stop. Raises StoreBroken, which a person must see."""
        while not stop.is_set():
            self._awake.clear()
            try:
                if self._work(stop):
                    stop.wait(self._patience.rest().total_seconds())
                else:
                    self._awake.wait(self._until_due().total_seconds())
            except StoreAway:
                stop.wait(DATABASE_NAP)

    def _work(self, stop: Flag) -> bool:
        """Run at most one due tick of each collector; tell whether any was run."""
        worked = False
        for collector in self._ours():
            if due := self._due(collector):
                if not self._may_ask(collector, due[0][1], stop):
                    return worked
                worked |= self._run_most_urgent(collector)
        return worked

    def _may_ask(self, collector: Collector, rank: Rank, stop: Flag) -> bool:
        """Wait for leave, unless we have one that nothing was asked with."""
        source = collector.source.name
        self._has_leave = self._has_leave or self._budget.leave(source, rank, stop)
        return self._has_leave

    def _run_most_urgent(self, collector: Collector) -> bool:
        """Run what is due now, after the wait, and in nobody's hands; tell whether any was."""
        for tick, _ in self._due(collector):
            with self._store.claim(collector, tick) as ours:
                if ours and tick in dict(self._due(collector)):
                    self._has_leave = False
                    self._patience.learn(self._runner.run(collector, tick))
                    return True
        return False

    def _ours(self) -> list[Collector]:
        return [each for each in self._collectors.values() if self._leads(each)]

    def _due(self, collector: Collector) -> list[tuple[datetime, Rank]]:
        now = self._now()
        return self._store.due(collector, self._reach(collector, now), now, LOOKED_AT)

    def _until_due(self) -> timedelta:
        now = self._now()
        found = [self._store.next_due(each, self._reach(each, now), now) for each in self._ours()]
        naps = [max(at - now, self._pace) for at in found if at is not None]
        if self._has_leave:  # what is due is in others' hands, who may die
            naps.append(max(self._pace, HELD_NAP))
        return min([*naps, LONGEST_NAP])

    def _reach(self, collector: Collector, now: datetime) -> datetime:
        """Return the oldest tick that heals by itself: for a source of the present, the newest."""
        newest = collector.schedule.newest(now)
        if collector.history is None:
            return newest
        return max(newest - self._horizon, collector.history)
