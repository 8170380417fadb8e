"""Follows the newest tick of a collector, where this process leads it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event as Flag
from typing import Protocol

from ..errors import SpoolError, StoreBroken, StoreError
from ..events import Finished, Observer
from ..model import Collector, Status
from ..runner import Runner
from ..schedule import pause
from ..spool import Spool
from ..spool.outages import Outages
from ..store import Store
from .budget import Budget
from .stops import Stops

LONGEST_NAP = timedelta(seconds=20)
STAND_BY = timedelta(seconds=5)


class Lead(Protocol):
    """Who tells which of several processes follows a collector."""

    def leads(self, collector: str) -> bool:
        """Tell whether this process does."""
        ...


@dataclass(slots=True)
class _Standing:
    """Where the loop of one collector stands."""

    done: datetime | None = None
    tried_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Live:
    """Runs each newest tick once, whatever the clock and the database do meanwhile.

    ``budget`` hears of it, so that others make way for it.
    """

    runner: Runner
    store: Store
    spool: Spool
    lead: Lead
    stops: Stops
    observe: Observer
    now: Callable[[], datetime]
    budget: Budget | None = None
    outages: Outages = field(default_factory=Outages)

    def follow(self, collector: Collector, stop: Flag) -> None:
        """Run the newest tick whenever there is a new one, until told to stop.

        The clock is looked at anew each time, so that a sleeping laptop or a stepped clock costs
        at most the ticks that were missed; those the source still knows are left to the repair.
        """
        schedule, standing = collector.schedule, _Standing()
        while not stop.is_set():
            tick, nap = schedule.newest(self.now()), LONGEST_NAP
            if tick != standing.done:
                nap = self._turn(collector, tick, standing)
            left = schedule.due(schedule.following(tick)) - self.now()
            stop.wait(max(min(left, nap).total_seconds(), 0.001))

    def _turn(self, collector: Collector, tick: datetime, standing: _Standing) -> timedelta:
        """Run a tick if it is ours and not there; return when to look at it again."""
        if not self.lead.leads(collector.name):
            return STAND_BY
        if fault := self.stops.fault(collector.name):
            return self._stand_still(collector, tick, fault, standing)
        finished = self._run(collector, tick, standing)
        if finished is None or finished.status not in {Status.AWAY, Status.SPOOLED}:
            self._tell_of_outages(collector, tick)
            standing.done, standing.tried_since = tick, None
            return LONGEST_NAP
        return self._wait(finished, standing)

    def _stand_still(
        self, collector: Collector, tick: datetime, fault: StoreBroken, standing: _Standing
    ) -> timedelta:
        """Keep the answer of a tick on disk while its tables are broken, if it is now or never."""
        if not collector.present_only or not collector.answers_for(tick, self.now()):
            return LONGEST_NAP
        return self._wait(self.runner.queue(collector, tick, fault), standing)

    def _wait(self, finished: Finished, standing: _Standing) -> timedelta:
        """Take notice that the database did not take a tick; return when to look at it again."""
        now = self.now()
        if finished.error is not None:
            self.outages.note(finished.collector, finished.tick, str(finished.error))
        if finished.status is Status.SPOOLED:
            standing.done = finished.tick
            return LONGEST_NAP
        standing.tried_since = standing.tried_since or now
        return pause(now - standing.tried_since, LONGEST_NAP)

    def _run(self, collector: Collector, tick: datetime, standing: _Standing) -> Finished | None:
        """Run a tick; None where it is stored already.

        While the database is away, only what cannot be had later is asked for, and kept on disk.
        What waits there comes first, and while any does, nothing here waits for the database.
        """
        if self._queues(collector):
            return self.runner.queue(collector, tick)
        if collector.present_only and standing.done == tick - collector.schedule.interval:
            return self._at_once(collector, tick)
        try:
            status = self.store.known(collector, tick, self.now()).status
        except StoreError as error:
            return self._without_database(collector, tick, error)
        if status is not None and status.good:
            return None
        self._make_way(collector)
        return self.runner.run(collector, tick)

    def _at_once(self, collector: Collector, tick: datetime) -> Finished:
        """Run a tick that nobody else can have run, before a database that hangs costs its time."""
        finished = self.runner.run(collector, tick)
        if finished.status is not Status.SPOOLED:
            self._make_way(collector)
        return finished

    def _without_database(
        self, collector: Collector, tick: datetime, error: StoreError
    ) -> Finished:
        """Keep an answer on disk, if it is now or never; the tick may be over by now."""
        if collector.present_only:
            return self.runner.queue(collector, collector.schedule.newest(self.now()), error)
        finished = Finished(collector.name, tick, Status.AWAY, error=error)
        self.observe(finished)
        return finished

    def _make_way(self, collector: Collector) -> None:
        """Let repairs and backfills wait a moment."""
        if self.budget is not None:
            self.budget.live(collector.source.name)

    def _queues(self, collector: Collector) -> bool:
        """Tell whether older answers of a collector wait, which come first."""
        with suppress(SpoolError):
            return collector.present_only and self.spool.holds(collector.name)
        return False

    def _tell_of_outages(self, collector: Collector, tick: datetime) -> None:
        """Enter in the ledger why ticks are missing, now that it can be written again."""
        with suppress(StoreError):  # it is told where it began
            for since, until, why in self.outages.spans(collector, tick):
                self.store.was_away(collector, since, until, self.now(), why)
            self.outages.forget(collector.name)
