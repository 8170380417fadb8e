"""Truth between sources: hours held against the buckets that they are made of.

The source sums up by itself, so an hour and its buckets agree exactly. Where they do not, one of
them was not read or not kept truly, and asking again shows which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event as Flag

from ..model import Collector, Counts, Status
from ..runner import Runner
from ..store import Difference, Made, Rank, Store
from .budget import Budget


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one hour: where it differs still, and what was done about it.

    ``asked`` is how many requests were made; ``error`` the trouble that ended them early.
    """

    hour: datetime
    differences: list[Difference] = field(default_factory=list)
    asked: int = 0
    rebuilt: Counts | None = None
    error: str | None = None


class Verifier:
    """Holds hours against their buckets, asks again where they differ, and rebuilds lost ones."""

    def __init__(
        self,
        runner: Runner,
        store: Store,
        now: Callable[[], datetime],
        pace: timedelta,
        stop: Flag,
    ) -> None:
        self._runner = runner
        self._store = store
        self._now = now
        self._budget = Budget(store, pace)
        self._stop = stop

    def verify(
        self, made: Made, span: tuple[datetime, datetime], *, repair: bool, rebuild: bool
    ) -> Iterator[Verdict]:
        """Yield what became of each hour that can be compared, or was rebuilt, until told to stop.

        An hour can be compared when it and its buckets are good. It can be rebuilt when only they
        are, or when the source said that it has nothing there.
        """
        for hour in self._store.complete_hours(made, *span):
            if self._stop.is_set():
                return
            lost = rebuild and hour.status is not Status.DONE
            if lost and (counts := self._store.rebuild(made, hour.tick, self._now())):
                yield Verdict(hour.tick, rebuilt=counts)
            elif hour.good:
                yield self._compared(made, hour.tick, repair)

    def _compared(self, made: Made, hour: datetime, repair: bool) -> Verdict:
        found = self._store.differences(made, hour)
        return self._repaired(made, hour, found) if found and repair else Verdict(hour, found)

    def _repaired(self, made: Made, hour: datetime, found: list[Difference]) -> Verdict:
        """Ask for the hour again; only where that is not the cure, for its buckets as well."""
        asked = 0
        for collector, ticks in ((made.whole, [hour]), (made.parts, made.ticks(hour))):
            made_now, error = self._ask(collector, ticks)
            asked, found = asked + made_now, self._store.differences(made, hour)
            if error or not found:
                return Verdict(hour, found, asked, error=error)
        return Verdict(hour, found, asked)

    def _ask(self, collector: Collector, ticks: Sequence[datetime]) -> tuple[int, str | None]:
        """Run ticks, politely; return how many, and the trouble that ended it early."""
        for number, tick in enumerate(ticks):
            if not self._budget.leave(collector.source.name, Rank.CORRECTION, self._stop):
                return number, "stopped"
            finished = self._runner.run(collector, tick)
            if finished.trouble is not None:
                return number + 1, finished.trouble
        return len(ticks), None
