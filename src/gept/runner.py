"""One tick of one collector: ask, decode, commit with the ledger, tell. And the loop around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from .model import Collector, Counts, Decoded, Request, Response, Row, Status, Tick, Witness
from .schedule import pause
from .store import Entry, Store
from .upstream import BUDGET, Upstream

MOST_PAGES = 200
WITNESS_BUDGET = 5.0
LONGEST_NAP = timedelta(seconds=20)
LONGEST_AWAY = timedelta(minutes=5)
LATE, LATE_UNTIL = timedelta(seconds=4), timedelta(minutes=10)
LONG_LATE = timedelta(minutes=1)
AFTER_TROUBLE = timedelta(seconds=15)
LONGEST_ERROR = 1000
KEPT = "stored already: of a tick's snapshots the first stays"
EMPTY_AFTER_TRIES = 3
EMPTY_AFTER_TRYING = timedelta(days=1)
EMPTY_AFTER = timedelta(days=3)


@dataclass(slots=True)
class _Answer:
    """What the requests of one tick brought: rows, what was none, and the first failure."""

    decoded: Decoded = field(default_factory=Decoded)
    failure: GeptError | None = None

    @property
    def trouble(self) -> GeptError | None:
        """What of the answer is missing, if anything."""
        if self.failure is None and self.decoded.rejected:
            return DecodeError(spoilt(self.decoded))
        return self.failure


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
        self._witnesses: dict[str, tuple[datetime, Response | None]] = {}

    def run(self, collector: Collector, at: datetime) -> Finished:
        """Run one tick. Never raises: what goes wrong is recorded, told and returned."""
        started, asked = monotonic(), self._now()
        try:
            finished = self._collect(collector, at, asked)
        except Exception as error:  # noqa: BLE001 - the only one: a bug ends one tick, not the loop
            finished = self._give_up(collector, at, asked, error)
        finished = replace(finished, seconds=monotonic() - started)
        self._observe(finished)
        return finished

    def follow(self, collector: Collector, stop: Flag) -> None:
        """Run the newest tick whenever there is a new one, until told to stop.

        The clock is looked at anew each time, so that a sleeping laptop or a stepped clock costs
        at most the ticks that were missed; those the source still knows are left to the repair.
        """
        schedule, last, away = collector.schedule, None, None
        while not stop.is_set():
            tick, nap = schedule.newest(self._now()), LONGEST_NAP
            if tick != last and self._run_unless_stored(collector, tick):
                last, away = tick, None
            elif tick != last:
                away = away or self._now()
                nap = min(pause(self._now() - away, LONGEST_NAP), LONGEST_AWAY)
            left = schedule.due(schedule.following(tick)) - self._now()
            stop.wait(max(min(left, nap).total_seconds(), 0.001))

    def _run_unless_stored(self, collector: Collector, tick: datetime) -> bool:
        """Run a tick that is not there; tell whether the ledger knows it now.

        While the database is away the source is not asked: nobody would keep the answer.
        """
        try:
            status = self._store.known(collector, tick, self._now()).status
        except StoreError as error:
            self._observe(Finished(collector.name, tick, Status.AWAY, error=error))
            return False
        if status is not None and status.good:
            return True
        return self.run(collector, tick).status is not Status.AWAY

    def _collect(self, collector: Collector, at: datetime, asked: datetime) -> Finished:
        tick = Tick(at, self._store.newest(collector, asked))
        answer = self._ask(collector, tick)
        refuse_spoilt(answer.decoded, collector)
        status = Status.PARTIAL if answer.trouble else Status.DONE
        rejected = len(answer.decoded.rejected)
        entry = self._entry(collector, at, asked, status, answer.trouble)
        entry = replace(entry, counts=Counts(rejected=rejected))
        committed = self._store.commit(collector, answer.decoded, entry)
        if committed is None:
            return Finished(collector.name, at, Status.DONE, again=True, warning=KEPT)
        counts, fresh = committed
        return Finished(
            collector.name,
            at,
            status,
            replace(counts, rejected=rejected),
            committed=entry.now if fresh or counts.changed else None,
            again=not fresh,
            error=answer.trouble,
            warning=self._warning(collector, answer.decoded.rows, counts),
            rejected=tuple(answer.decoded.rejected),
            next_try=entry.next_try,
        )

    def _warning(self, collector: Collector, rows: Sequence[Row], counts: Counts) -> str | None:
        """Return what is odd about rows that are stored: their number, or what a witness says."""
        found = (unexpected(counts.rows, collector), self._doubts(collector, rows))
        return "; ".join(each for each in found if each) or None

    def _doubts(self, collector: Collector, rows: Sequence[Row]) -> str | None:
        """Return what the collector's witness finds doubtful; one that is silent doubts nothing."""
        witness = collector.witness
        if witness is None or not rows:
            return None
        asked, response = self._witnesses.get(collector.name, (None, None))
        if asked is None or not timedelta(0) <= self._now() - asked < witness.every:
            response = self._heard(witness)
            self._witnesses[collector.name] = (self._now(), response)
        try:
            return None if response is None else witness.judge(rows, response)
        except DecodeError:
            return None

    def _heard(self, witness: Witness) -> Response | None:
        """Ask a witness, briefly: the rows are stored, and the next tick is soon due."""
        try:
            return self._upstream.get(witness.request, monotonic() + WITNESS_BUDGET)
        except UpstreamError:
            return None

    def _ask(self, collector: Collector, tick: Tick) -> _Answer:
        """Make the requests of a tick; where one of several fails, the others still count."""
        answer = _Answer()
        requests = list(collector.requests(tick))
        started = monotonic()
        for number, request in enumerate(requests, 1):
            try:
                part = self._read_or_instead(
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

    def _read_or_instead(
        self, collector: Collector, request: Request, tick: Tick, deadline: float
    ) -> Decoded:
        """Read an answer; where it fails for good, what the collector would ask instead."""
        try:
            return self._read(collector, request, tick, deadline)
        except (UpstreamError, DecodeError):
            if (other := collector.instead(request)) is None:
                raise
            return self._read(collector, other, tick, deadline)

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

    def _give_up(
        self, collector: Collector, at: datetime, asked: datetime, error: Exception
    ) -> Finished:
        """Record a tick that brought no rows, unless the database is what is away."""
        finished = Finished(collector.name, at, _status_of(error), error=error)
        try:
            status = self._emptiness(collector, at, error)
            entry = self._entry(collector, at, asked, status, error)
            if not isinstance(error, StoreError):
                self._store.record(entry)
                finished = replace(finished, status=entry.status, next_try=entry.next_try)
        except StoreError as away:
            finished = replace(finished, status=Status.AWAY, error=away)
        return finished

    def _emptiness(self, collector: Collector, at: datetime, error: Exception) -> Status:
        """Return the status: EMPTY where the source has had nothing for days, at several tries."""
        now = self._now()
        if not (isinstance(error, NotYet) and error.nothing and now - at >= EMPTY_AFTER):
            return _status_of(error)
        known = self._store.known(collector, at, now)
        trying = now - (known.first_asked or now)
        enough = known.attempts + 1 >= EMPTY_AFTER_TRIES and trying >= EMPTY_AFTER_TRYING
        return Status.EMPTY if enough or known.status is Status.EMPTY else Status.NOT_YET

    def _entry(
        self,
        collector: Collector,
        at: datetime,
        asked: datetime,
        status: Status,
        error: Exception | None,
    ) -> Entry:
        now = self._now()
        settled = status.good and collector.settled(at, now)
        next_try = self._next_try(collector, at, status, error, now)
        said = None if error is None else f"{type(error).__name__}: {error}"[:LONGEST_ERROR]
        return Entry(collector.name, at, status, asked, now, Counts(), settled, said, next_try)

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
        if waited < timedelta(0):
            return collector.schedule.due(at)
        first = self._store.known(collector, at, now).first_asked or now
        patience = pause(now - first, quickest(status, waited))
        if isinstance(error, UpstreamBusy) and error.retry_after:
            patience = max(patience, timedelta(seconds=error.retry_after))
        worth = waited < self._horizon and collector.answers_for(at, now + patience)
        return now + patience if worth else None


def quickest(status: Status, waited: timedelta) -> timedelta:
    """Return the shortest pause before a tick is asked for again that was due ``waited`` ago."""
    if status is not Status.NOT_YET:
        return AFTER_TROUBLE
    return LATE if waited < LATE_UNTIL else LONG_LATE


def refuse_spoilt(decoded: Decoded, collector: Collector) -> None:
    """Raise DecodeError where more of an answer is rejected than its collector tolerates."""
    entries = len(decoded.rows) + len(decoded.rejected)
    if len(decoded.rejected) > collector.tolerates * entries:
        raise DecodeError(spoilt(decoded))


def spoilt(decoded: Decoded) -> str:
    """Return how much of an answer is rejected, and why the first of it was."""
    bad, first = len(decoded.rejected), decoded.rejected[0]
    entries = len(decoded.rows) + bad
    return f"{bad} of {entries} entries are no rows; {first.where}: {first.reason}"


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
