"""Follows collectors until told to stop."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ..errors import StoreAway
from ..events import Observer
from ..observe import logs
from ..observe.metrics import Metrics
from ..store import Lead, Server, Store, renewing
from ..web import Server as Web
from ..web.answers import Answers
from ..web.plain import PlainServer
from . import connections, led, now, outages
from .meanwhile import Meanwhile
from .parts import assemble
from .service import Service

if TYPE_CHECKING:
    from ..web.board import Board

log = logs.get_logger()


@dataclass
class Following(Service):
    """Follows collectors until told to stop; with the dashboard if it is wanted."""

    dashboard: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._metrics = Metrics(self.collectors, self.health, now)
        self._board = self._wanted_board()
        self._watchers: list[Observer] = [self.health, self._metrics, logs.Logs()]
        self._outages, self._led = outages(self.settings), led(self.settings)
        self._meanwhile = Meanwhile(
            self.settings, self.collectors, self._led, self._outages, self._watchers
        )

    def face(self) -> Web:
        """Return what serves metrics, health, and the dashboard if it is wanted."""
        answers = Answers(self.health, self._metrics.scrape, now)
        if self._board is None:
            return PlainServer(self.ports, answers)
        from ..web import dashboard

        return dashboard.server(self.ports, answers, self._board, self.token)

    def work(self, store: Store, server: Server | None) -> None:
        """Follow."""
        before = [each.name for each in self.collectors if self._led.leads(each.name)]
        lead = Lead(renewing(self.settings, server), before, self._led.note)
        parts = assemble(
            self.settings, self.collectors, store, lead, self._watchers, self.health, self.stop
        )
        parts.spool.clear_parts()
        if waits := parts.beginning():
            log.warning("the database takes nothing yet", error=waits)
        parts.look()
        self.start(parts.jobs(self.stop) | self._shown(store))
        self.pulse = parts.pulse
        log.info("started", collectors=[each.name for each in self.collectors])
        self.supervise(server)
        self.systemd.stopping()
        parts.wake()
        self.join()
        parts.heart.stop()
        lead.close()
        log.info("stopped")

    def _wanted_board(self) -> Board | None:
        """Return what the dashboard tells; nothing of it is loaded where there is none."""
        if not self.dashboard:
            return None
        from ..web.board import Board

        return Board(self.health, now)

    def _shown(self, store: Store) -> dict[str, Callable[[], None]]:
        """Return the job that reads what the dashboard tells, by its name."""
        if self._board is None:
            return {}
        from .reading import read

        reading = partial(read, store, self.collectors, self.settings.horizon)
        return {"dashboard": partial(self._board.follow, reading, self.stop)}

    def connections(self) -> int:
        """Return how many connections all collectors need at once."""
        return connections(len(self.collectors))

    def meanwhile(self) -> AbstractContextManager[None]:
        """Collect what was led last, into the spool."""
        return self._meanwhile.collecting()

    def waits(self, error: StoreAway) -> None:
        """Keep why the newest ticks are not asked for, until the ledger can be told."""
        self._meanwhile.because(str(error))
        for each in self.collectors:
            self._outages.note(each.name, each.schedule.newest(now()), str(error))
