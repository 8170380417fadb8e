"""The heart beat of a process: the table of processes tells who lives, leads, and collects."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

from .. import __version__
from ..errors import StoreError
from ..events import Event, Finished
from ..model import Collector
from ..store import Lead, Process, Store


class Heart:
    """Tells the database of this process, and remembers the newest tick of each collector."""

    def __init__(
        self,
        store: Store,
        lead: Lead,
        collectors: Sequence[Collector],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._lead = lead
        self._collectors = [each.name for each in collectors]
        self._now = now
        self._id, self._started = lead.process, now()
        self._ticks: dict[str, datetime] = {}

    def __call__(self, event: Event) -> None:
        """Take notice of a finished tick."""
        if isinstance(event, Finished):
            newest = self._ticks.get(event.collector, event.tick)
            self._ticks[event.collector] = max(newest, event.tick)

    def beat(self, spooled: int) -> None:
        """Say that this process lives, and how many answers wait in its spool."""
        leads, ticks = sorted(self._lead.led), dict(self._ticks)
        self._store.beat(
            Process(
                self._id,
                socket.gethostname(),
                os.getpid(),
                __version__,
                self._started,
                self._now(),
                self._collectors,
                leads,
                {name: f"{at:%Y-%m-%dT%H:%M:%SZ}" for name, at in ticks.items()},
                spooled,
            )
        )

    def stop(self) -> None:
        """Say that this process ends."""
        with suppress(StoreError):
            self._store.forget_process(self._id)
