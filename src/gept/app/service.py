"""A process that serves pages and works with the database, until told to stop."""

from __future__ import annotations

import gc
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from threading import Event as Flag
from threading import Thread
from time import monotonic

from ..errors import GeptError, StoreAway, StoreError
from ..model import Collector
from ..observe import logs
from ..observe.certificate import CertificateLog
from ..observe.health import Health
from ..settings import Newest, Settings
from ..store import Server, Store
from ..web import Ports
from ..web import Server as Web
from . import GRACE, embedded, now, opened, prepare
from .heap import give_back_memory, spare_memory
from .notify import Systemd
from .parts import Pulse

RETRY = 3.0

log = logs.get_logger()


@dataclass
class Service(ABC):
    """The threads, what they share, and how they end. What they do is for each kind to say."""

    settings: Settings
    collectors: list[Collector]
    ports: Ports
    stop: Flag
    systemd: Systemd = field(default_factory=Systemd)
    died: str | None = None
    threads: list[Thread] = field(default_factory=list)
    pulse: Pulse | None = None
    web: Web = field(init=False)

    def __post_init__(self) -> None:
        self.health = Health(self.collectors, now)
        self._newest = Newest(self.settings)
        if self.ports.tls is not None:
            self.ports.tls.tell(self.health.certificate, CertificateLog(now))

    @abstractmethod
    def face(self) -> Web:
        """Return what serves the ports from the start on, whether the database answers or not."""

    @abstractmethod
    def work(self, store: Store, server: Server | None) -> None:
        """Work with a database that is ready, until told to stop."""

    @abstractmethod
    def connections(self) -> int:
        """Return how many connections it needs at once."""

    @abstractmethod
    def waits(self, error: StoreAway) -> None:
        """Take notice that the database is away before the work has begun."""

    def meanwhile(self) -> AbstractContextManager[None]:
        """Give what is done for as long as the database is waited for."""
        return nullcontext()

    def token(self) -> str | None:
        """Return the token of the dashboard that holds now."""
        return self._newest().dashboard_token

    @property
    def lives(self) -> bool:
        """Whether every thread works, and the one that looks after the others does not hang."""
        looks = self.pulse is None or self.pulse.lives
        return looks and self.web.alive and all(each.is_alive() for each in self.threads)

    def run(self) -> None:
        """Serve and work. Raises StoreBroken for an unfit database, GeptError for a dead thread."""
        spare_memory()
        self.web = self.face()
        server = embedded(self.settings, self.stop)
        try:
            self.web.start()
            self.systemd.ready(lambda: self.lives)
            with self.meanwhile():
                ready = self._await_database(server)
            if ready:
                with opened(self.settings, server, self.connections()) as store:
                    self.work(store, server)
        finally:
            self.systemd.stopping()
            self.web.stop()
            if server is not None:
                server.stop()
        if self.died:
            raise GeptError(f"the thread {self.died!r} died; see the log")

    def _await_database(self, server: Server | None) -> bool:
        """Try until the database is ready; a false answer means that we were told to stop."""
        told = False
        while not self.stop.is_set():
            try:
                prepare(self.settings, server, self.stop)
            except StoreAway as error:
                self.health.database(str(error))
                self.waits(error)
                if not told and not self.stop.is_set():
                    log.warning("waiting for the database", error=str(error))
                told = True
                self.stop.wait(RETRY)
            else:
                return True
        return False

    def start(self, jobs: Mapping[str, Callable[[], None]]) -> None:
        """Start a thread for each job, by its name."""
        self.threads = [
            Thread(target=self._guarded, args=(name, job), name=name, daemon=True)
            for name, job in jobs.items()
        ]
        gc.collect()
        gc.freeze()
        give_back_memory()
        for thread in self.threads:
            thread.start()

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

    def supervise(self, server: Server | None) -> None:
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
                self.health.database(str(error))
                self.stop.wait(RETRY)
            if server.owned and not owned:
                log.info("runs the database now")

    def join(self) -> None:
        """Wait for the threads to end, but not for long."""
        end = monotonic() + GRACE
        for thread in self.threads:
            thread.join(max(end - monotonic(), 0))
