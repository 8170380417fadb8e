"""Enters what is wanted from the first start on, as soon as the database takes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from ..errors import StoreAway
from ..model import Collector
from ..settings import Settings
from ..store import Store


class Beginning:
    """Wants the ticks of every collector since this process was started. To be called until done.

    Collecting does not wait for it: answers of the present are kept on disk meanwhile.
    """

    def __init__(
        self,
        store: Store,
        collectors: Sequence[Collector],
        settings: Settings,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._now = now
        at = now()
        self._left = [(each, first_tick(each, settings, at)) for each in collectors]

    def __call__(self) -> str | None:
        """Enter what is left; return why not all could be. Raises StoreBroken."""
        try:
            while self._left:
                self._store.begin(*self._left[0], self._now())
                del self._left[0]
        except StoreAway as error:
            return str(error)
        return None


def first_tick(collector: Collector, settings: Settings, at: datetime) -> datetime:
    """Return the oldest tick that a first start wants."""
    newest = collector.schedule.newest(at)
    if collector.history is None:
        return newest
    return max(collector.schedule.ceil(newest - settings.first_horizon), collector.history)
