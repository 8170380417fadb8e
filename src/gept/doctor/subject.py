"""What is examined: the settings, this machine, the database, and the gept that runs."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from ..errors import StoreError
from ..model import Collector
from ..settings import Settings
from ..store import Process, Store
from ..store.survey import Survey, survey
from .probe import Answer, answers

LIVES = timedelta(minutes=1)


@dataclass(frozen=True)
class Subject:
    """One installation; what is asked of it is asked once.

    ``where`` is the address of its database, None where it does not run. ``ask`` lets the sources
    be asked, and ``prometheus`` is the address of the Prometheus that watches.
    """

    settings: Settings
    collectors: Sequence[Collector]
    environ: Mapping[str, str]
    folder: Path
    now: Callable[[], datetime]
    where: str | None = None
    store: Store | None = None
    ask: bool = False
    prometheus: str | None = None
    proc: Path = field(default=Path("/proc"))

    @cached_property
    def database(self) -> Survey | StoreError | None:
        """What the database says of itself, or why it does not; None where none runs."""
        if self.where is None:
            return None
        try:
            return survey(self.where)
        except StoreError as error:
            return error

    @cached_property
    def processes(self) -> list[Process]:
        """The processes that collect, by their heart beats."""
        if self.store is None:
            return []
        try:
            return self.store.processes(self.now() - LIVES)
        except StoreError:
            return []

    @cached_property
    def local(self) -> list[int]:
        """The process ids of those that run on this machine."""
        ours = [each for each in self.processes if each.host == socket.gethostname()]
        return [each.pid for each in ours if (self.proc / str(each.pid)).is_dir()]

    @cached_property
    def answers(self) -> dict[int, Answer]:
        """What answers on the ports of gept on this machine, by the port."""
        return answers(self.settings, self.collectors)
