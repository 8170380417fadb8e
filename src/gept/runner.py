"""One tick of one collector: ask, decode, commit with the ledger, tell. And the loop around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Event as Flag
from time import monotonic

from .errors import (
    DecodeError,
    GeptError,
    NotYet,
    StoreError,
    Superseded,
    UpstreamBusy,
    UpstreamError,
)
from .events import Finished, Observer
from .model import Collector, Counts, Decoded, Rejected, Request, Status, Tick
from .schedule import pause
from .store import Entry, Store
from .upstream import BUDGET, Upstream

MOST_PAGES = 200
LONGEST_NAP = 20.0
AFTER_TROUBLE = timedelta(seconds=15)
EMPTY_AFTER_TRIES = 3
EMPTY_AFTER = timedelta(days=3)


@dataclass(slots=True)
class _Answer:
    """What the requests of one tick brought: rows, what was none, and the first failure."""

    decoded: Decoded = field(default_factory=Decoded)
    failure: GeptError | None = None

    @property
    def status(self) -> Status:
        return Status.PARTIAL if self.failure or self.decoded.rejected else Status.DONE


class Runner:
    """Takes collectors through their ticks."""

    def __init__(
        self,
        upstream: Upstream,
        store: Store,
        observe: Observer,
        now: Callable[[], datetime],
        horizon: timedelta,
    ) -> None:
        self._upstream = upstream
        self._store = store
        self._observe = observe
        self._now = now
        self._horizon = horizon

    def run(self, collector: Collector, at: datetime) -> Finished:
        """Run one tick. Never raises: what goes wrong is recorded, told and returned."""
        started = monotonic()
        try:
            finished = self._collect(collector, at)
        except Exception as error:  # noqa: BLE001 - the only one: a bug ends one tick, not the loop
            finished = self._give_up(collector, at, error)
        finished = replace(finished, seconds=monotonic() - started)
        self._observe(finished)
        return finished

    def follow(self, collector: Collector, stop: Flag) -> None:
        """Run the newest tick whenever there is a new one, until told to stop.

        The clock is looked at anew each time, so that a sleeping laptop or a stepped clock costs
        at most the ticks that were missed; those the source still knows are left to the repair.
        """
        schedule, last = collector.schedule, None
        while not stop.is_set():
            tick = schedule.newest(self._now())
            if tick != last and self._run_unless_stored(collector, tick):
                last = tick
            due = schedule.due(schedule.following(tick))
            stop.wait(min(max((due - self._now()).total_seconds(), 0.001), LONGEST_NAP))

    def _run_unless_stored(self, collector: Collector, tick: datetime) -> bool:
        """Run a tick that is not there; tell whether the ledger knows it now.

        While the database is away the source is not asked: nobody would keep the answer.
        """
        try:
            status = self._store.known(collector, tick).status
        except StoreError as error:
            self._observe(Finished(collector.name, tick, Status.AWAY, error=error))
            return False
        if status is not None and status.good:
            return True
        return self.run(collector, tick).status is not Status.AWAY

    def _collect(self, collector: Collector, at: datetime) -> Finished:
        tick = Tick(at, self._store.newest(collector))
        answer = self._ask(collector, tick)
        refuse_spoiled(answer.decoded, collector)
        entry = self._entry(collector, at, answer.status, answer.failure)
        entry = replace(entry, counts=Counts(rejected=len(answer.decoded.rejected)))
        counts, fresh = self._store.commit(collector, answer.decoded, entry)
        return Finished(
            collector.name,
            at,
            answer.status,
            replace(counts, rejected=len(answer.decoded.rejected)),
            committed=entry.now,
            again=not fresh,
            error=answer.failure,
            warning=unexpected(counts.rows, collector),
            rejected=tuple(answer.decoded.rejected),
            next_try=entry.next_try,
        )

    def _ask(self, collector: Collector, tick: Tick) -> _Answer:
        """Make the requests of a tick; where one of several fails, the others still count."""
        answer = _Answer()
        requests = list(collector.requests(tick))
        started = monotonic()
        for number, request in enumerate(requests, 1):
            try:
                part = self._read(
                    collector, request, tick, started + BUDGET * number / len(requests)
                )
            except (UpstreamError, DecodeError) as error:
                if len(requests) == 1:
                    raise
                answer.failure = answer.failure or error
                continue
            answer.decoded.rows.extend(part.rows)
            answer.decoded.rejected.extend(part.rejected)
        if answer.failure and not answer.decoded.rows:
            raise answer.failure
        return answer

    def _read(self, collector: Collector, request: Request, tick: Tick, deadline: float) -> Decoded:
        """Read an answer and the pages that continue it: all of them, or none."""
        read = Decoded()
        page = request
        for _ in range(MOST_PAGES):
            decoded = collector.decode(self._upstream.get(page, deadline), tick)
            read.rows.extend(decoded.rows)
            read.rejected.extend(decoded.rejected)
            if decoded.more is None:
                return read
            page = decoded.more
        raise DecodeError(f"{request} goes on for more than {MOST_PAGES} pages")

    def _give_up(self, collector: Collector, at: datetime, error: Exception) -> Finished:
        """Record a tick that brought no rows, unless the database is what is away."""
        finished = Finished(collector.name, at, _status_of(error), error=error)
        try:
            entry = self._entry(collector, at, self._emptiness(collector, at, error), error)
            if not isinstance(error, StoreError):
                self._store.record(entry)
                finished = replace(finished, status=entry.status, next_try=entry.next_try)
        except StoreError as away:
            finished = replace(finished, status=Status.AWAY, error=away)
        return finished

    def _emptiness(self, collector: Collector, at: datetime, error: Exception) -> Status:
        """Return the status, EMPTY where the source has said "not yet" too often and too late."""
        status = _status_of(error)
        if status is not Status.NOT_YET or self._now() - at < EMPTY_AFTER:
            return status
        tries = self._store.known(collector, at).attempts + 1
        return Status.EMPTY if tries >= EMPTY_AFTER_TRIES else status

    def _entry(
        self, collector: Collector, at: datetime, status: Status, error: Exception | None
    ) -> Entry:
        now = self._now()
        settled = status.good and collector.settled(at, now)
        next_try = self._next_try(collector, at, status, error, now)
        said = None if error is None else f"{type(error).__name__}: {error}"[:1000]
        return Entry(collector.name, at, status, now, Counts(), settled, said, next_try)

    def _next_try(
        self,
        collector: Collector,
        at: datetime,
        status: Status,
        error: Exception | None,
        now: datetime,
    ) -> datetime | None:
        """Return when to ask for a tick again; None where it is final or nobody would."""
        if status is Status.EMPTY or isinstance(error, Superseded):
            return None
        if status is Status.DONE:
            return None if collector.settled(at, now) else collector.settles_at(at)
        waited = now - collector.schedule.due(at)
        patience = pause(waited) if status is Status.NOT_YET else max(pause(waited), AFTER_TROUBLE)
        if isinstance(error, UpstreamBusy) and error.retry_after:
            patience = max(patience, timedelta(seconds=error.retry_after))
        worth = waited < self._horizon and collector.answers_for(at, now + patience)
        return now + patience if worth else None


def refuse_spoiled(decoded: Decoded, collector: Collector) -> None:
    """Raise DecodeError where more of an answer is rejected than its collector tolerates."""
    bad, all_ = len(decoded.rejected), len(decoded.rows) + len(decoded.rejected)
    if bad > collector.tolerates * all_:
        first: Rejected = decoded.rejected[0]
        raise DecodeError(f"{bad} of {all_} entries are no rows; {first.where}: {first.reason}")


def unexpected(rows: int, collector: Collector) -> str | None:
    """Return a warning where a tick has fewer or more rows than it should; they are kept."""
    expect = collector.expect
    if rows in expect:
        return None
    return f"{rows} rows, where {expect.start} to {expect.stop - 1} are expected"


def _status_of(error: Exception) -> Status:
    match error:
        case NotYet():
            return Status.NOT_YET
        case DecodeError():
            return Status.REFUSED
        case StoreError():
            return Status.AWAY
        case _:
            return Status.FAILED
