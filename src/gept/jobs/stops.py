"""Collectors that a fault of the database has stopped: each for a while, then they try again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from ..errors import StoreBroken
from ..events import Event, Finished

LENGTH = timedelta(minutes=1)


class _Stop(NamedTuple):
    until: datetime
    fault: StoreBroken


class Stops:
    """Knows which collectors stand still, and why; it learns that from what happens.

    A person must mend what stopped them. As soon as one of their ticks is stored they go on.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._stops: dict[str, _Stop] = {}

    def __call__(self, event: Event) -> None:
        """Take notice of a tick that a fault kept from the tables, or that went into them."""
        if not isinstance(event, Finished):
            return
        last = self._stops.get(event.collector)
        if isinstance(event.error, StoreBroken):
            if last is None or event.error is not last.fault:  # what waits meanwhile repeats it
                self._stops[event.collector] = _Stop(self._now() + LENGTH, event.error)
        elif event.status.good and last is not None:
            self._stops[event.collector] = last._replace(until=self._now())

    def fault(self, collector: str) -> StoreBroken | None:
        """Return what a collector stands still for; a clock that is set back prolongs nothing."""
        stop, now = self._stops.get(collector), self._now()
        holds = stop is not None and now < stop.until <= now + LENGTH
        return stop.fault if stop is not None and holds else None
