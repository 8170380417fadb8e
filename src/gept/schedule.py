"""When a collector is due. Arithmetic only: nothing here waits or looks at a clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

STEADY_FOR = timedelta(minutes=2)
SLOWEST = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Every:
    """A tick at each whole multiple of ``interval`` since the epoch.

    ``delay`` is how long after the tick its answer can first be had: a tick is the *start* of
    the time it stands for, so a five-minute bucket has a delay of five minutes and some seconds.
    """

    interval: timedelta
    delay: timedelta = timedelta(0)

    def floor(self, moment: datetime) -> datetime:
        """Return the newest tick at or before a moment."""
        return moment - (moment - EPOCH) % self.interval

    def ceil(self, moment: datetime) -> datetime:
        """Return the oldest tick at or after a moment."""
        return moment + (EPOCH - moment) % self.interval

    def due(self, tick: datetime) -> datetime:
        """Return when a tick may first be asked for."""
        return tick + self.delay

    def newest(self, now: datetime) -> datetime:
        """Return the newest tick that may be asked for."""
        return self.floor(now - self.delay)

    def following(self, tick: datetime) -> datetime:
        """Return the tick after a tick."""
        return tick + self.interval

    def between(self, since: datetime, until: datetime) -> Iterator[datetime]:
        """Yield each tick from ``since`` up to, but not at, ``until``."""
        tick = self.ceil(since)
        while tick < until:
            yield tick
            tick += self.interval


def pause(trying: timedelta, quickest: timedelta) -> timedelta:
    """Return how long to wait before asking again for what was first asked for ``trying`` ago.

    The quickest at first, so that what is late is had soon; then a tenth of the time, so that an
    outage of any length costs the source little.
    """
    if trying < STEADY_FOR:
        return quickest
    return min(max(trying / 10, quickest), SLOWEST)
