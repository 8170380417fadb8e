"""Collectors that a fault of the database has stopped: each for a while, then they try again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

LENGTH = timedelta(minutes=5)


class Stops:
    """Knows which collectors stand still. A person must mend what stopped them."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._until: dict[str, datetime] = {}

    def stop(self, collector: str) -> None:
        """Let a collector stand still for a while."""
        self._until[collector] = self._now() + LENGTH

    def holds(self, collector: str) -> bool:
        """Tell whether a collector stands still; a clock that was set back does not prolong it."""
        now = self._now()
        return now < self._until.get(collector, now) <= now + LENGTH
