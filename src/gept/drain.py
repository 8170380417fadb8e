"""Brings what waits in the spool into the tables: in order, once, beside live collection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from threading import Event as Flag

from .errors import SpoolError, StoreAway, StoreBroken, StoreError
from .events import Event, Finished
from .model import Collector, Status
from .naps import Sleeper
from .runner import Runner
from .spool import Spool, Waiting
from .stops import Stops
from .store import Store

NAP = timedelta(seconds=5)


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
        for waiting in self.spool.waiting():
            collector = self._collectors.get(waiting.collector)
            if collector is None or self._stops.fault(waiting.collector):
                continue
            self._store.ping()
            with suppress(SpoolError):  # one file that the disk withholds stops no other
                if finished := self._replay(collector, waiting):
                    yield finished

    def _replay(self, collector: Collector, waiting: Waiting) -> Finished | None:
        """Store one answer; None where it was none."""
        tape = self.spool.read(waiting)
        if tape is None:
            return None
        finished = self._runner.replay(collector, tape)
        if finished.status is not Status.AWAY:
            self._part_with(waiting, finished)
        elif not isinstance(finished.error, StoreBroken):
            raise StoreAway(str(finished.error))
        return finished

    def _part_with(self, waiting: Waiting, finished: Finished) -> None:
        """Remove what is in the database, as rows or to be read again; set aside what is not."""
        if finished.status.good or finished.status in {Status.PARTIAL, Status.REFUSED}:
            self.spool.remove(waiting)
        else:
            self.spool.set_aside(waiting.name, f"it was not stored: {finished.trouble}")
