"""One tick of one collector: ask, decode, commit with the ledger, tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import TypeVar

from ..errors import (
    DecodeError,
    GeptError,
    NotYet,
    SpoolError,
    StoreAway,
    StoreError,
    StoreRefused,
)
from ..events import Dropped, Finished, Observer
from ..model import Collector, Counts, Row, Status, Tick
from ..spool import Spool
from ..spool.tape import Answers, Player, Recorder, Tape, pack
from ..store import Commit, Entry, Store
from .asking import ask, refuse_spoilt, unexpected
from .patience import Ended, emptiness, next_try, says_nothing, settled_try
from .witness import Witnesses

T = TypeVar("T")

LONGEST_ERROR = 1000
MOST_KEPT = 100
KEPT = "stored already: of a tick's snapshots the first stays"


@dataclass(slots=True)
class _Run:
    """One run of a tick: where its answers come from, and since when."""

    collector: Collector
    at: datetime
    asked: datetime
    source: Recorder | Player
    commit: Commit
    newest: datetime | None = None
    accept_removals: bool = False

    @property
    def tape(self) -> Tape:
        """What was answered so far."""
        about = (self.collector.name, self.at, self.asked, self.newest)
        return Tape(*about, tuple(self.source.answers))


class Runner:
    """Takes collectors through their ticks.

    Where it has a spool, answers that cannot be had again wait there while the database is away.
    """

    def __init__(
        self,
        upstream: Answers,
        store: Store,
        observe: Observer,
        now: Callable[[], datetime],
        horizon: timedelta,
        spool: Spool | None = None,
    ) -> None:
        self._upstream = upstream
        self._store = store
        self._observe = observe
        self._now = now
        self._horizon = horizon
        self._spool = spool
        self._newest: dict[str, datetime | None] = {}
        self._witnesses = Witnesses(upstream, now)

    def run(self, collector: Collector, at: datetime, *, accept_removals: bool = False) -> Finished:
        """Run one tick. Never raises: what goes wrong is recorded, told and returned.

        ``accept_removals`` believes an answer however much of what is stored it lacks.
        """
        run = replace(self._begin(collector, at), accept_removals=accept_removals)
        return self._finish(run, self._collect)

    def replay(self, collector: Collector, tapes: Sequence[Tape]) -> Iterator[Finished]:
        """Run ticks once more with the answers on tapes, and yield each. Never raises.

        Those of several tapes are committed together. Where one of them cannot be, each is
        committed alone, so that it keeps none of the others. A database that is away is told once.
        """
        finished = self._replayed_together(collector, tapes) if len(tapes) > 1 else None
        if finished is None:
            runs = (self._played(collector, each) for each in tapes)
            yield from (self._finish(each, self._collect) for each in runs)
            return
        for each in finished:
            self._observe(each)
            yield each

    def _replayed_together(
        self, collector: Collector, tapes: Sequence[Tape]
    ) -> list[Finished] | None:
        """Return what became of the ticks of tapes; None where it is for each alone to tell."""

        def judge(error: Exception) -> list[Finished] | None:
            if isinstance(error, StoreAway):
                return [Finished(collector.name, tapes[0].tick, Status.AWAY, error=error)]
            return None

        return _attempted(partial(self._together, collector, tapes), judge)

    def _together(self, collector: Collector, tapes: Sequence[Tape]) -> list[Finished]:
        """Commit the ticks of tapes in one transaction, or raise what one of them ended with."""
        with self._store.together(collector) as commit:
            runs = (replace(self._played(collector, each), commit=commit) for each in tapes)
            return [_timed(partial(self._collect, each)) for each in runs]

    def _played(self, collector: Collector, tape: Tape) -> _Run:
        source, commit = Player(tape.answers), partial(self._store.commit, collector)
        return _Run(collector, tape.tick, tape.asked, source, commit, tape.newest)

    def queue(
        self, collector: Collector, at: datetime, because: StoreError | None = None
    ) -> Finished:
        """Ask for a tick and let its answer wait in the spool, behind others. Never raises."""
        return self._finish(self._begin(collector, at), partial(self._queue, because=because))

    def _begin(self, collector: Collector, at: datetime) -> _Run:
        source, commit = Recorder(self._upstream), partial(self._store.commit, collector)
        return _Run(collector, at, self._now(), source, commit)

    def _finish(self, run: _Run, do: Callable[[_Run], Finished]) -> Finished:
        finished = _timed(
            lambda: _attempted(partial(do, run), lambda error: self._give_up(run, error))
        )
        self._observe(finished)
        return finished

    def _collect(self, run: _Run) -> Finished:
        collector, at = run.collector, run.at
        answer = ask(run.collector, run.source, self._tick(run))
        refuse_spoilt(answer.decoded, collector)
        status = Status.PARTIAL if answer.trouble else Status.DONE
        rejected = len(answer.decoded.rejected)
        entry = self._entry(run, status, answer.trouble)
        entry = replace(entry, counts=Counts(rejected=rejected))
        committed = run.commit(answer.decoded, entry)
        if committed is None:
            drift = tuple(answer.decoded.drift)
            return Finished(collector.name, at, Status.DONE, again=True, warning=KEPT, drift=drift)
        counts, fresh = committed
        return Finished(
            collector.name,
            at,
            status,
            replace(counts, rejected=rejected),
            committed=entry.now if fresh or counts.changed else None,
            again=not fresh,
            error=answer.trouble,
            warning=self._warning(run, answer.decoded.rows, counts),
            rejected=tuple(answer.decoded.rejected),
            next_try=entry.next_try,
            drift=tuple(answer.decoded.drift),
        )

    def _warning(self, run: _Run, rows: Sequence[Row], counts: Counts) -> str | None:
        """Return what is odd about rows that are stored: their number, or what a witness says."""
        found = [unexpected(counts.rows, run.collector)]
        if isinstance(run.source, Recorder):
            found.append(self._witnesses.doubts(run.collector, rows))
        return "; ".join(each for each in found if each) or None

    def _queue(self, run: _Run, because: StoreError | None) -> Finished:
        with suppress(DecodeError):  # it is told when its turn comes
            ask(run.collector, run.source, self._tick(run))
        kept = self._keep(run, because)
        if because is None and kept.status is Status.AWAY and run.source.answers:
            return self._collect(replace(run, source=Player(run.source.answers)))
        return kept

    def _keep(self, run: _Run, error: Exception | None) -> Finished:
        """Let what was answered wait on disk, if it cannot be had again."""
        finished = Finished(run.collector.name, run.at, Status.AWAY, error=error)
        if isinstance(run.source, Player) or not run.collector.present_only:
            return finished
        if self._spool is None or not run.source.answers:
            return finished
        try:
            dropped = self._spool.keep(run.tape)
        except SpoolError as full:
            if error is not None:
                self._observe(Dropped(run.collector.name, run.at, str(full)))
            return replace(finished, error=SpoolError(f"{full}; {error or 'the answer is lost'}"))
        for each, why in dropped.items():
            self._observe(Dropped(each.collector, each.tick, why))
        lost = any((each.collector, each.tick) == (run.collector.name, run.at) for each in dropped)
        return finished if lost else replace(finished, status=Status.SPOOLED)

    def _tick(self, run: _Run) -> Tick:
        """Return the tick of a run; what it continues from is remembered for a database away."""
        if isinstance(run.source, Recorder):
            name = run.collector.name
            try:
                self._newest[name] = self._store.newest(run.collector, run.asked)
            except StoreError:
                if self._spool is None:
                    raise
            run.newest = self._newest.get(name)
        return Tick(run.at, run.newest)

    def _give_up(self, run: _Run, error: Exception) -> Finished:
        """Record a tick that brought no rows; keep its answer where the database took nothing."""
        finished = Finished(run.collector.name, run.at, _status_of(error), error=error)
        if finished.status is Status.AWAY:
            return self._keep(run, error)
        if isinstance(error, DecodeError):
            finished = replace(finished, rejected=error.rejected, drift=error.drift)
        try:
            status = self._status(run, error)
            entry = self._entry(run, status, error)
            self._store.record(entry, finished.rejected[:MOST_KEPT])
        except StoreError as away:
            return self._keep(run, away)
        return replace(finished, status=entry.status, next_try=entry.next_try)

    def _status(self, run: _Run, error: Exception) -> Status:
        """Return how a tick stands that brought no rows."""
        now = self._now()
        if not says_nothing(error, now - run.at):
            return _status_of(error)
        return emptiness(self._store.known(run.collector, run.at, now), now)

    def _entry(self, run: _Run, status: Status, error: Exception | None) -> Entry:
        collector, at, now = run.collector, run.at, self._now()
        settled = status.good and collector.settled(at, run.asked)
        said = None if error is None else _told(error)
        bug = error is not None and not isinstance(error, GeptError)
        spoilt = (bug or status in {Status.REFUSED, Status.PARTIAL}) and run.source.answers
        return Entry(
            collector.name,
            at,
            status,
            run.asked,
            now,
            settled=settled,
            error=said,
            next_try=self._next_try(Ended(collector, at, status, error, now)),
            tape=pack(run.tape) if spoilt else None,
            accept_removals=run.accept_removals,
        )

    def _next_try(self, ended: Ended) -> datetime | None:
        """Return when to ask for a tick again; None where it is final or nobody would."""
        if ended.status.good:
            return settled_try(ended)
        known = self._store.known(ended.collector, ended.at, ended.now)
        return next_try(ended, known, self._horizon)


def _attempted(do: Callable[[], T], otherwise: Callable[[Exception], T]) -> T:
    """Return what work returns, or what becomes of the error that it ended with."""
    try:
        return do()
    except Exception as error:  # noqa: BLE001 - the only one: a bug ends one tick, not the loop
        return otherwise(error)


def _timed(do: Callable[[], Finished]) -> Finished:
    """Return what a run ends with, and how long it took."""
    started = monotonic()
    return replace(do(), seconds=monotonic() - started)


def _told(error: Exception) -> str:
    """Return what the ledger tells of an error: bounded, and without NUL, which no column holds."""
    return f"{type(error).__name__}: {error}".replace("\0", "")[:LONGEST_ERROR]


def _status_of(error: Exception) -> Status:
    match error:
        case NotYet():
            return Status.NOT_YET
        case DecodeError() | StoreRefused():
            return Status.REFUSED
        case StoreError():
            return Status.AWAY
        case _:
            return Status.FAILED
