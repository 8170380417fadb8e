"""How much of a source's patience we use: one pace, shared by all processes on one database.

Live ticks never wait. What waits, waits the longer after a slot is free the less urgent it is:
so the more urgent takes the slot first, without anybody knowing of the others.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Event as Flag

from ..errors import StoreError
from ..events import Closed, Event, Finished
from ..model import Status
from ..schedule import pause
from ..store import Rank, Store

LONGEST_NAP = timedelta(seconds=60)
LONGEST_WAIT = 10.0
LARGEST_STEP = timedelta(milliseconds=50)
LIVE = timedelta(seconds=2)


class Budget:
    """The requests that repairs and backfills may make to a source: one a pace, in all."""

    def __init__(self, store: Store, pace: timedelta) -> None:
        self._store = store
        self._pace = pace

    def __call__(self, event: Event) -> None:
        """Let everybody's repairs and backfills wait where a source asked us to."""
        if isinstance(event, Closed):
            self._push(event.request.source.name, timedelta(seconds=event.seconds))

    def live(self, source: str) -> None:
        """Tell of a live tick, which does not wait: the others make way for it.

        Not for long, though, so that no pace makes those others wait for ever.
        """
        if self._pace:
            self._push(source, min(self._pace, LIVE))

    def leave(self, source: str, rank: Rank, stop: Flag) -> bool:
        """Wait for a slot; a false answer means that we were told to stop. Raises StoreError."""
        back_off = rank * min(LARGEST_STEP, self._pace / 10)
        while not stop.is_set():
            wait = self._store.leave(source, self._pace)
            if wait <= 0:
                return True
            stop.wait(min(wait + back_off.total_seconds(), LONGEST_WAIT))
        return False

    def _push(self, source: str, length: timedelta) -> None:
        """Let others wait; a database that is away lets nobody ask anyhow."""
        with suppress(StoreError):
            self._store.leave(source, length, live=True)


class Patience:
    """How long to rest after a run: the longer the source or the database is away, the longer."""

    def __init__(self, now: Callable[[], datetime], pace: timedelta) -> None:
        self._now = now
        self._pace = pace
        self._failing_since: datetime | None = None

    def learn(self, finished: Finished) -> None:
        """Remember since when the source does not answer, or the database does not take rows."""
        if finished.status not in {Status.FAILED, Status.AWAY}:
            self._failing_since = None
        elif self._failing_since is None:
            self._failing_since = self._now()

    def rest(self) -> timedelta:
        """Return the rest before the next tick: while all is well none, but for the budget's."""
        if self._failing_since is None:
            return timedelta(0)
        trying = self._now() - self._failing_since
        return min(max(pause(trying, self._pace), trying / 10), LONGEST_NAP)
