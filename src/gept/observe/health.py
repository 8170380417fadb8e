"""Whether the data is fresh: judged by event time, not by a loop having run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from ..errors import StoreBroken
from ..events import LARGEST_SKEW, REMEDIES, Dropped, Event, Fetched, Finished
from ..model import Collector, Status
from ..spool.spool import Waiting
from ..store import Process, Standing
from .spooled import Spooled

if TYPE_CHECKING:
    from ..tls import Certified

UNTAKEN = frozenset({Status.AWAY, Status.SPOOLED})
T = TypeVar("T", datetime, tuple[datetime, datetime])
NO_SHARES: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True)
class State:
    """How one collector stands.

    ``newest`` is its newest good tick; ``stored`` the newest with rows, and when these were
    committed. ``status`` and ``error`` are of ``tick``, the newest one that was asked for;
    ``missing`` counts the wanted ticks that are not there, where that is known; ``shares`` tells
    how much of what is wanted of the last hour, day and week is there. ``drift`` tells how the
    newest answer that was read differs from what we know, ``stopped`` which fault of the database
    a person must mend.
    """

    collector: Collector
    tick: datetime | None = None
    newest: datetime | None = None
    stored: tuple[datetime, datetime] | None = None
    status: Status | None = None
    error: str | None = None
    missing: int | None = None
    drift: tuple[str, ...] | None = None
    stopped: str | None = None
    shares: Mapping[str, float] = field(default_factory=dict)

    def lag(self, now: datetime) -> timedelta | None:
        """Return how far the newest good tick lies behind the newest that could be there."""
        if self.newest is None:
            return None
        return max(self.collector.schedule.newest(now) - self.newest, timedelta(0))

    def trouble(self, now: datetime) -> str | None:
        """Return why the collector is not healthy; None where it is."""
        if self.stopped is not None:
            return f"{self.collector.name}: stopped until this is mended: {self.stopped}"
        name, last = self.collector.name, f"; last error: {self.error}" if self.error else ""
        if self.status in UNTAKEN and self.error:
            return f"{name}: the database did not take the newest tick{last}"
        if self.newest is None:
            return f"{name}: no good tick yet{last}"
        if now >= self.collector.stale_at(self.newest):
            return f"{name}: the newest good tick is of {self.newest:%Y-%m-%dT%H:%M:%SZ}{last}"
        return None


@dataclass(frozen=True, slots=True)
class Saved:
    """When the newest sound backup was made, when one was last verified, and how many are bad."""

    newest: datetime | None = None
    verified: datetime | None = None
    faulty: int = 0


class Health:
    """Knows the newest good tick of each collector, and whether the database answers."""

    def __init__(self, collectors: Iterable[Collector], now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = Lock()
        self._states = {each.name: State(each) for each in collectors}
        self._database: str | None = "not asked yet"
        self._spool = Spooled()
        self._led: frozenset[str] = frozenset()
        self._unled: Mapping[str, str] = {}
        self._skews: dict[str, float] = {}
        self._saved = Saved()
        self._certified: Certified | None = None

    def __call__(self, event: Event) -> None:
        """Take notice of a finished tick, and of what a source says of the time."""
        if isinstance(event, Fetched) and event.skew is not None:
            with self._lock:
                self._skews[event.request.source.name] = event.skew
        if isinstance(event, Finished) and event.collector in self._states:
            with self._lock:
                state = _without_future(self._states[event.collector], self._now())
                self._states[event.collector] = _after(state, event)
        elif isinstance(event, Dropped):
            with self._lock:
                dropped = self._spool.dropped + 1
                self._spool = replace(
                    self._spool, dropped=dropped, dropped_at=self._now(), lost=event.reason
                )

    def found(
        self,
        name: str,
        standing: Standing,
        missing: int,
        shares: Mapping[str, float] = NO_SHARES,
    ) -> None:
        """Take notice of what the ledger says of a collector."""
        with self._lock:
            state = _without_future(self._states[name], self._now())
            if standing.tick is not None and (state.tick is None or state.tick < standing.tick):
                state = replace(state, tick=standing.tick, error=standing.error)
            self._states[name] = replace(
                state,
                newest=_later(state.newest, standing.newest_good),
                stored=_later(state.stored, standing.newest_stored),
                missing=missing,
                shares=shares,
            )

    def database(self, trouble: str | None) -> None:
        """Take notice of whether the database answers, or what it said."""
        with self._lock:
            self._database = trouble

    def leads(self, collectors: frozenset[str]) -> None:
        """Take notice of the collectors that this process leads."""
        with self._lock:
            self._led = collectors

    def fleet(self, processes: Sequence[Process]) -> None:
        """Take notice of the processes that live: each collector must be led by one of them."""
        led = {name for each in processes for name in each.leads}
        stand_by = {name for each in processes for name in each.collectors}
        with self._lock:
            self._unled = {
                name: _unled(name, waits=name in stand_by)
                for name in self._states
                if name not in led
            }

    @property
    def unled(self) -> Mapping[str, str]:
        """The collectors that no process leads, and why; none where that is not looked for."""
        with self._lock:
            return self._unled

    @property
    def led(self) -> frozenset[str]:
        """The collectors that this process leads; for the others it stands by."""
        with self._lock:
            return self._led

    def spool(self, waiting: Sequence[Waiting], aside: int, *, room: bool = False) -> None:
        """Take notice of what waits on disk for the database, and what was moved aside.

        ``room`` tells that the spool is not full any more, if it was.
        """
        with self._lock:
            size = sum(each.size for each in waiting)
            oldest = min((each.tick for each in waiting), default=None)
            lost = None if room and self._spool.lost in REMEDIES else self._spool.lost
            self._spool = replace(
                self._spool,
                waiting=len(waiting),
                size=size,
                oldest=oldest,
                aside=aside,
                lost=lost,
                error=None,
            )

    def spool_broke(self, error: str) -> None:
        """Take notice that the spool cannot be used."""
        with self._lock:
            self._spool = replace(self._spool, error=error)

    @property
    def spooled(self) -> Spooled:
        """How the spool stands."""
        with self._lock:
            return self._spool

    def backups(self, saved: Saved) -> None:
        """Take notice of how the backups stand."""
        with self._lock:
            self._saved = saved

    @property
    def saved(self) -> Saved:
        """How the backups stand."""
        with self._lock:
            return self._saved

    def certificate(self, certified: Certified) -> None:
        """Take notice of how the certificate stands that is served."""
        with self._lock:
            self._certified = certified

    @property
    def certified(self) -> Certified | None:
        """How the certificate stands; None where there is none."""
        with self._lock:
            return self._certified

    @property
    def states(self) -> Mapping[str, State]:
        """How each collector stands."""
        with self._lock:
            return dict(self._states)

    @property
    def database_trouble(self) -> str | None:
        """What is wrong with the database; None where it answers."""
        with self._lock:
            return self._database

    def troubles(self) -> list[str]:
        """Return every reason not to be healthy."""
        now = self._now()
        found = [f"database: {self.database_trouble}"] if self.database_trouble else []
        found += self.spooled.troubles(now)
        with self._lock:
            found += self._unled.values()
        return found + [said for state in self.states.values() if (said := state.trouble(now))]

    def warnings(self) -> list[str]:
        """Return what someone should look at, though the data is fresh."""
        with self._lock:
            skews, certified = dict(self._skews), self._certified
        found = [] if certified is None else certified.warnings(self._now())
        wrong = {source: skew for source, skew in skews.items() if abs(skew) > LARGEST_SKEW}
        return found + [_told(source, skew) for source, skew in wrong.items()]


def _unled(name: str, *, waits: bool) -> str:
    if waits:
        return f"{name}: each process that follows it stands by; see their logs"
    return f"{name}: no process follows it; start gept collect {name}"


def _told(source: str, skew: float) -> str:
    side = "ahead of" if skew > 0 else "behind"
    return f"clock: ours is {int(abs(skew))} s or more {side} that of {source}; set it right"


def _without_future(state: State, now: datetime) -> State:
    """Forget what a clock that was ahead has made the newest tick."""
    newest = state.collector.schedule.newest(now)
    return replace(
        state,
        tick=state.tick if state.tick is None or state.tick <= newest else None,
        newest=state.newest if state.newest is None or state.newest <= newest else None,
        stored=state.stored if state.stored is None or state.stored[0] <= newest else None,
    )


def _after(state: State, event: Finished) -> State:
    if isinstance(event.error, StoreBroken):
        state = replace(state, stopped=str(event.error))
    elif event.committed is not None:
        state = replace(state, stopped=None)
    if event.status.good:
        stored = None if event.committed is None else (event.tick, event.committed)
        state = replace(
            state,
            newest=_later(state.newest, event.tick),
            stored=_later(state.stored, stored),
        )
    if state.tick is not None and event.tick < state.tick:
        return state
    drift = state.drift if event.drift is None else event.drift
    return replace(state, tick=event.tick, status=event.status, error=event.trouble, drift=drift)


def _later(one: T | None, other: T | None) -> T | None:
    return max((each for each in (one, other) if each is not None), default=None)
