"""Deletes what is kept for some time only: hourly, and little at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from ..errors import StoreError
from ..observe import logs
from ..store import Store

EVERY = timedelta(hours=1)
BATCH = 5000

log = logs.get_logger()


class Upkeep:
    """Forgets rejected entries and unread answers that are older than ``keep``.

    To be called every now and then.
    """

    def __init__(self, store: Store, keep: timedelta, now: Callable[[], datetime]) -> None:
        self._store = store
        self._keep = keep
        self._now = now
        self._due = now()

    def __call__(self) -> None:
        """Delete one batch if it is time; after the last one, rest for an hour."""
        now = self._now()
        if now < self._due:
            return
        try:
            self._store.expire(now)
            self._store.forget_answers(now - self._keep)
            done = self._store.forget_rejects(now - self._keep, BATCH) < BATCH
        except StoreError as error:
            log.warning("what could not be read stays for now", error=str(error))
            done = True
        self._due = now + EVERY if done else now
