"""Shows what other processes collect, and collects nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from ..errors import StoreAway, StoreError
from ..observe import logs
from ..observe.metrics import Metrics
from ..store import LIVES, Server, Store
from ..web import Server as Web
from ..web import dashboard
from ..web.answers import Answers
from ..web.board import Board
from . import connections, now, watch
from .parts import Pulse
from .reading import read
from .service import Service

log = logs.get_logger()


@dataclass
class Watching(Service):
    """The dashboard alone: what it knows comes from the ledger and from the others' heart beats."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._board = Board(self.health, now)

    def face(self) -> Web:
        """Return what serves the dashboard, health, and how fresh the data is as metrics."""
        answers = Answers(self.health, Metrics([], self.health, now).scrape, now)
        return dashboard.server(self.ports, answers, self._board, self.token)

    def work(self, store: Store, server: Server | None) -> None:
        """Watch."""
        reading = partial(read, store, self.collectors, self.settings.horizon)
        pulse = Pulse()
        self.look(store)
        self.start(
            {
                "watch": partial(self._keep_looking, store, pulse),
                "dashboard": partial(self._board.follow, reading, self.stop),
            }
        )
        self.pulse = pulse
        log.info("started", shows=[each.name for each in self.collectors])
        self.supervise(server)
        self.systemd.stopping()
        self.join()
        log.info("stopped")

    def connections(self) -> int:
        """Return as many as one collector needs."""
        return connections(1)

    def waits(self, error: StoreAway) -> None:
        """Do nothing more: health tells it already."""

    def look(self, store: Store) -> None:
        """Look how everything stands, and who collects."""
        watch(store, self.health, self.settings.horizon)
        try:
            self.health.fleet(store.processes(now() - LIVES))
        except StoreError as error:
            self.health.database(str(error))

    def _keep_looking(self, store: Store, pulse: Pulse) -> None:
        while not self.stop.wait(self.settings.beat.total_seconds()):
            pulse.beat()
            self.look(store)
