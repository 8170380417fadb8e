"""Collects the present while a start still waits for the database: into the spool, at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event as Flag
from threading import Thread
from time import monotonic

from ..events import Observer, tell
from ..jobs.live import Live
from ..jobs.stops import Stops
from ..model import Collector
from ..observe import logs
from ..settings import Settings
from ..spool.led import Led
from ..spool.outages import Outages
from ..store import Absent, Store
from . import GRACE, now, runner, spool

PATIENCE = 5.0
"""Seconds that a start may take before its ticks are collected without it."""

log = logs.get_logger()


class Meanwhile:
    """Follows what this installation led last, without the database.

    Only what cannot be had later is asked for. What nobody led here before is left to who leads it
    elsewhere.
    """

    def __init__(
        self,
        settings: Settings,
        collectors: Sequence[Collector],
        led: Led,
        outages: Outages,
        watchers: Sequence[Observer],
    ) -> None:
        self._collectors = [each for each in collectors if each.present_only]
        self._settings = settings
        self._led = led
        self._outages = outages
        self._observe = tell(*watchers)
        self._absent = Absent("the database is not ready yet")
        self._end = Flag()
        self._threads: list[Thread] = []

    def because(self, why: str) -> None:
        """Take notice of what keeps the database away."""
        self._absent.why = why

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Collect for as long as this lasts, if it lasts."""
        waiting = Thread(target=self._wait, name="meanwhile", daemon=True)
        waiting.start()
        try:
            yield
        finally:
            self._end.set()
            end = monotonic() + GRACE
            for each in (waiting, *self._threads):
                each.join(max(end - monotonic(), 0))

    def _wait(self) -> None:
        if self._end.wait(PATIENCE):
            return
        ours = [each for each in self._collectors if self._led.leads(each.name)]
        if not ours:
            log.info("nothing was led here before, so nothing is asked for yet")
            return
        log.info("collects into the spool", collectors=[each.name for each in ours])
        live = self._live()
        self._threads = [
            Thread(target=live.follow, args=(each, self._end), name=each.name, daemon=True)
            for each in ours
        ]
        for thread in self._threads:
            thread.start()

    def _live(self) -> Live:
        store, waiting = Store(self._absent), spool(self._settings)
        running = runner(self._settings, store, self._observe, self._end, waiting)
        stops = Stops(now)
        return Live(
            running, store, waiting, self._led, stops, self._observe, now, outages=self._outages
        )
