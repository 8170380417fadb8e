"""Follows collectors until told to stop: the threads, what they share, and how they end."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from threading import Event as Flag
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING

from ..errors import GeptError, StoreAway, StoreError
from ..events import Observer
from ..model import Collector
from ..observe import logs
from ..observe.health import Health
from ..observe.metrics import Metrics
from ..outages import Outages
from ..settings import Settings
from ..store import Lead, Server, Store, renewing
from ..web import Server as Web
from ..web.routes import application
from . import GRACE, connections, embedded, now, opened, outages, prepare
from .notify import Systemd
from .parts import Pulse, assemble

if TYPE_CHECKING:
    from starlette.routing import Route

    from ..web.board import Board

RETRY = 3.0
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
HEAP = {M_ARENA_MAX: 1, M_MMAP_THRESHOLD: 65_536, M_TRIM_THRESHOLD: 131_072}

log = logs.get_logger()


@dataclass(slots=True)
class Following:
    """Follows collectors until told to stop: the threads, and what they share."""

    settings: Settings
    collectors: list[Collector]
    web: Web
    stop: Flag
    dashboard: bool = False
    systemd: Systemd = field(default_factory=Systemd)
    died: str | None = None
    threads: list[Thread] = field(default_factory=list)
    pulse: Pulse | None = None

    @property
    def lives(self) -> bool:
        """Whether every thread works, and the one that looks after the others does not hang."""
        looks = self.pulse is None or self.pulse.lives
        return looks and self.web.alive and all(each.is_alive() for each in self.threads)

    def run(self) -> None:
        """Follow. Raises StoreBroken for an unusable database, GeptError for a dead thread."""
        spare_memory()
        server = embedded(self.settings, self.stop)
        health = Health(self.collectors, now)
        metrics = Metrics(self.collectors, health, now)
        board = self._board(health)
        try:
            self.web.start(application(health, metrics.scrape, now, self._pages(board)))
            self.systemd.ready(lambda: self.lives)
            if self._await_database(server, health):
                size = connections(len(self.collectors))
                with opened(self.settings, server, size) as store:
                    self._follow(store, server, health, [metrics], self._shown(board, store))
        finally:
            self.systemd.stopping()
            self.web.stop()
            if server is not None:
                server.stop()
        if self.died:
            raise GeptError(f"the thread {self.died!r} died; see the log")

    def _board(self, health: Health) -> Board | None:
        """Return what the dashboard tells; nothing of it is loaded where there is none."""
        if not self.dashboard:
            return None
        from ..web.board import Board

        return Board(health, now)

    def _pages(self, board: Board | None) -> list[Route]:
        if board is None:
            return []
        from ..web.dashboard import routes

        return routes(board, self.settings.dashboard_token)

    def _shown(self, board: Board | None, store: Store) -> dict[str, Callable[[], None]]:
        """Return the job that reads what the dashboard tells, by its name."""
        if board is None:
            return {}
        from .reading import read

        reading = partial(read, store, self.collectors, self.settings.horizon)
        return {"dashboard": partial(board.follow, reading, self.stop)}

    def _await_database(self, server: Server | None, health: Health) -> bool:
        """Try until the database is ready; a false answer means that we were told to stop."""
        told, seen = False, outages(self.settings)
        while not self.stop.is_set():
            try:
                prepare(self.settings, server, self.stop)
            except StoreAway as error:
                health.database(str(error))
                self._note_outage(seen, error)
                if not told and not self.stop.is_set():
                    log.warning("waiting for the database", error=str(error))
                told = True
                self.stop.wait(RETRY)
            else:
                return True
        return False

    def _follow(
        self,
        store: Store,
        server: Server | None,
        health: Health,
        observers: list[Observer],
        others: dict[str, Callable[[], None]],
    ) -> None:
        """Follow, with ``others`` as jobs beside the collectors'."""
        lead = Lead(renewing(self.settings, server))
        watchers: list[Observer] = [health, *observers, logs.Logs()]
        parts = assemble(self.settings, self.collectors, store, lead, watchers, health, self.stop)
        parts.spool.clear_parts()
        if waits := parts.beginning():
            log.warning("the database takes nothing yet", error=waits)
        parts.look()
        self.threads = self._start(parts.jobs(self.stop) | others)
        self.pulse = parts.pulse
        log.info("started", collectors=[each.name for each in self.collectors])
        self._supervise(server, health)
        self.systemd.stopping()
        parts.wake()
        end = monotonic() + GRACE
        for thread in self.threads:
            thread.join(max(end - monotonic(), 0))
        parts.heart.stop()
        lead.close()
        log.info("stopped")

    def _note_outage(self, seen: Outages, error: StoreAway) -> None:
        """Keep why the newest ticks are not asked for, until the ledger can be told."""
        for each in self.collectors:
            seen.note(each.name, each.schedule.newest(now()), str(error))

    def _start(self, jobs: dict[str, Callable[[], None]]) -> list[Thread]:
        threads = [
            Thread(target=self._guarded, args=(name, job), name=name, daemon=True)
            for name, job in jobs.items()
        ]
        gc.collect()
        gc.freeze()
        give_back_memory()
        for thread in threads:
            thread.start()
        return threads

    def _guarded(self, name: str, job: Callable[[], None]) -> None:
        """Run a thread's job; its death ends the process, so that it cannot hide in a live one."""
        try:
            job()
        except GeptError as error:
            log.error("thread ended", thread=name, error=str(error))  # noqa: TRY400 - a sentence
        finally:
            if not self.stop.is_set():
                self.died = name
                self.stop.set()

    def _supervise(self, server: Server | None, health: Health) -> None:
        """Wait for the end; meanwhile see to it that gept's own server runs."""
        while not self.stop.wait(1):
            if not self.web.alive:
                self.died = "web"
                self.stop.set()
            if server is None:
                continue
            owned = server.owned
            try:
                server.ensure()
            except StoreError as error:
                health.database(str(error))
                self.stop.wait(RETRY)
            if server.owned and not owned:
                log.info("runs the database now")


def spare_memory() -> None:
    """Let the threads share one heap, and give back what is large as soon as it is free.

    Else each thread's own heap would keep the room of its largest answer for ever.
    """
    for option, value in HEAP.items():
        _libc("mallopt", option, value)


def give_back_memory() -> None:
    """Give the system what the imports and the start needed and nobody uses any more."""
    _libc("malloc_trim", 0)


def _libc(function: str, *arguments: int) -> None:
    """Call a function of the C library, where it has it."""
    with suppress(AttributeError, OSError):
        getattr(ctypes.CDLL(None), function)(*arguments)
