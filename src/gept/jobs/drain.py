"""Brings what waits in the spool into the tables: in order, once, beside live collection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from threading import Event as Flag

from ..errors import SpoolError, StoreAway, StoreBroken, StoreError
from ..events import Event, Finished
from ..model import Collector, Status
from ..runner import Runner
from ..spool.spool import Spool, Waiting
from ..spool.tape import Tape
from ..store import Store
from .naps import Sleeper
from .stops import Stops

NAP = timedelta(seconds=5)
TOGETHER = 20
"""How many answers are committed in one transaction; they are in memory meanwhile."""


class Drain(Sleeper):
    """Works through the spool; woken when an answer waits only for those before it."""

    def __init__(
        self,
        runner: Runner,
        store: Store,
        spool: Spool,
        collectors: Sequence[Collector],
        stops: Stops,
    ) -> None:
        super().__init__()
        self._runner = runner
        self._store = store
        self.spool = spool
        self._collectors = {each.name: each for each in collectors}
        self._stops = stops

    def __call__(self, event: Event) -> None:
        """Wake up when an answer was queued though the database is there."""
        if isinstance(event, Finished) and event.status is Status.SPOOLED and event.error is None:
            self.wake()

    def follow(self, stop: Flag) -> None:
        """Drain whatever comes to wait, until told to stop."""
        while not stop.is_set():
            self._awake.clear()
            with suppress(StoreError, SpoolError):  # both are told where they began
                for _ in self.drain():
                    if stop.is_set():
                        return
            self._awake.wait(NAP.total_seconds())

    def drain(self) -> Iterator[Finished]:
        """Store what waits, the oldest first, and yield what became of each.

        Raises StoreAway where the database takes none, SpoolError where the folder cannot be read.
        """
        for batch in batches(self.spool.waiting()):
            collector = self._collectors.get(batch[0].collector)
            if collector is None or self._stops.fault(collector.name):
                continue
            self._store.ping()
            stored, away = self._replay(collector, self._read(batch))
            yield from stored
            if away is not None:
                raise StoreAway(str(away))

    def _read(self, batch: Iterable[Waiting]) -> dict[Waiting, Tape]:
        """Return what files hold; one that the disk withholds stops no other."""
        tapes = {}
        for each in batch:
            with suppress(SpoolError):
                if (tape := self.spool.read(each)) is not None:
                    tapes[each] = tape
        return tapes

    def _replay(
        self, collector: Collector, tapes: Mapping[Waiting, Tape]
    ) -> tuple[list[Finished], Exception | None]:
        """Store answers; return what became of each, and what kept the database from the others.

        One that its broken tables refuse is the last: those after it wait for them, too.
        """
        stored: list[Finished] = []
        replayed = self._runner.replay(collector, [*tapes.values()])
        for waiting, finished in zip(tapes, replayed, strict=False):  # none after one away
            if finished.status is not Status.AWAY:
                with suppress(SpoolError):
                    self._part_with(waiting, finished)
            elif not isinstance(finished.error, StoreBroken):
                return stored, finished.error
            stored.append(finished)
            if finished.status is Status.AWAY:
                break
        return stored, None

    def _part_with(self, waiting: Waiting, finished: Finished) -> None:
        """Remove what is in the database, as rows or to be read again; set aside what is not."""
        if finished.status.good or finished.status in {Status.PARTIAL, Status.REFUSED}:
            self.spool.remove(waiting)
        else:
            self.spool.set_aside(waiting.name, f"it was not stored: {finished.trouble}")


def batches(waiting: Iterable[Waiting]) -> Iterator[list[Waiting]]:
    """Yield answers that are stored together: of one collector each, in the order they have."""
    gathered: dict[str, list[Waiting]] = {}
    for each in waiting:
        batch = gathered.setdefault(each.collector, [])
        batch.append(each)
        if len(batch) == TOGETHER:
            yield gathered.pop(each.collector)
    yield from gathered.values()
