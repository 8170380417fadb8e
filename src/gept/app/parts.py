"""What works while collectors are followed: one thread each, and who wakes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from threading import Event as Flag
from time import monotonic

from ..errors import SpoolError, StoreBroken, StoreError
from ..events import Event, Observer
from ..jobs.budget import Budget
from ..jobs.drain import Drain
from ..jobs.live import Live
from ..jobs.repair import Repair
from ..jobs.stops import Stops
from ..model import Collector
from ..observe import logs
from ..observe.health import Health
from ..runner import Runner
from ..settings import Settings
from ..spool import Spool
from ..store import Lead, Store
from . import now, outages, runner, spool, watch
from .beginning import Beginning
from .heart import Heart
from .lookout import Lookout
from .relief import Relief
from .upkeep import Upkeep

LONGEST_LOOK = 600.0
MENDING = 60.0
"""Seconds until a database that a person must mend is tried again."""

log = logs.get_logger()


class Pulse:
    """When somebody last showed that he works, by a clock that nobody sets."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self.beat()

    def beat(self) -> None:
        """Show it."""
        self._last = self._clock()

    @property
    def lives(self) -> bool:
        """Whether that was lately; every look at the database has its time limit."""
        return self._clock() - self._last < LONGEST_LOOK


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a process that follows collectors."""

    settings: Settings
    collectors: Sequence[Collector]
    store: Store
    lead: Lead
    spool: Spool
    health: Health
    live: Live
    drain: Drain
    repairs: Sequence[Repair]
    heart: Heart
    upkeep: Upkeep
    relief: Relief
    beginning: Beginning
    lookout: Lookout
    pulse: Pulse = field(default_factory=Pulse)

    def jobs(self, stop: Flag) -> dict[str, Callable[[], None]]:
        """Return what each thread does, by its name."""
        jobs: dict[str, Callable[[], None]] = {"watch": partial(self._keep_looking, stop)}
        jobs["drain"] = partial(self.drain.follow, stop)
        jobs["lookout"] = partial(self.lookout.follow, stop)
        for each in self.collectors:
            jobs[each.name] = partial(self.live.follow, each, stop)
        for number, repair in enumerate(self.repairs):
            jobs[f"repair {number}"] = partial(_go_on, repair.follow, stop)
        return jobs

    def look(self) -> None:
        """Look how everything stands, and tell that this process lives."""
        watch(self.store, self.health, self.settings.horizon)
        self.health.leads(self.lead.led)
        try:
            self.beginning()
            self.heart.beat(self._look_at_spool())
            self.relief()
        except StoreError as error:
            self.health.database(str(error))

    def _look_at_spool(self) -> int:
        """Let health know how the spool stands; return how many answers wait there."""
        try:
            waiting = self.spool.waiting()
            room = self.spool.has_room(waiting)
            self.health.spool(waiting, len(self.spool.aside()), room=room)
        except SpoolError as error:
            self.health.spool_broke(str(error))
            return 0
        return len(waiting)

    def wake(self) -> None:
        """End every nap."""
        self.drain.wake()
        for repair in self.repairs:
            repair.wake()

    def _keep_looking(self, stop: Flag) -> None:
        while not stop.wait(self.settings.beat.total_seconds()):
            self.pulse.beat()
            self.look()
            self.upkeep()


def assemble(
    settings: Settings,
    collectors: Sequence[Collector],
    store: Store,
    lead: Lead,
    watchers: Sequence[Observer],
    health: Health,
    stop: Flag,
) -> Parts:
    """Put the parts together; what happens is told to the watchers and to the parts."""
    told = [*watchers]

    def observe(event: Event) -> None:
        for each in told:
            each(event)

    waiting = spool(settings)
    running = runner(settings, store, observe, stop, waiting)
    stops = Stops(now)
    budget, seen = Budget(store, settings.pace), outages(settings)
    live = Live(running, store, waiting, lead, stops, observe, now, budget, seen)
    drain = Drain(running, store, waiting, collectors, stops)
    repairs = _repairs(settings, collectors, running, store, partial(_follows, lead, stops))
    heart = Heart(store, lead, collectors, now)
    told += [stops, heart, drain, *repairs]
    upkeep = Upkeep(store, settings.keep_rejects, now)
    relief = Relief(store, lead, collectors)
    lookout = Lookout(settings.backups, health)
    return Parts(
        settings,
        collectors,
        store,
        lead,
        waiting,
        health,
        live,
        drain,
        repairs,
        heart,
        upkeep,
        relief,
        Beginning(store, collectors, settings, now),
        lookout,
    )


def _go_on(job: Callable[[Flag], None], stop: Flag) -> None:
    """Do a job until told to stop; what a person must mend of the database is told meanwhile."""
    while not stop.is_set():
        try:
            job(stop)
        except StoreBroken as error:
            log.error("repair waits", error=str(error))  # noqa: TRY400 - a sentence
            stop.wait(MENDING)


def _follows(lead: Lead, stops: Stops, collector: Collector) -> bool:
    """Tell whether a collector is ours to repair, and its tables take rows."""
    return lead.leads(collector.name) and stops.fault(collector.name) is None


def _repairs(
    settings: Settings,
    collectors: Sequence[Collector],
    running: Runner,
    store: Store,
    follows: Callable[[Collector], bool],
) -> list[Repair]:
    """Return one repair for the collectors of each source."""

    def source(collector: Collector) -> str:
        return collector.source.name

    groups = groupby(sorted(collectors, key=source), key=source)
    horizon, pace = settings.horizon, settings.pace
    return [Repair(running, store, list(group), now, horizon, pace, follows) for _, group in groups]
