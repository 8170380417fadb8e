"""How the spool stands, as health tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..events import FULL, remedy

TOLD_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Spooled:
    """What waits on disk for the database; ``size`` is in bytes, ``dropped`` since the start.

    ``lost`` tells why the last answer was given up, and is None when that is over.
    """

    waiting: int = 0
    size: int = 0
    oldest: datetime | None = None
    aside: int = 0
    dropped: int = 0
    dropped_at: datetime | None = None
    lost: str | None = None
    error: str | None = None

    def troubles(self, now: datetime) -> list[str]:
        """Return what is wrong: a spool that is full or was so just now, a disk that refuses."""
        found = [f"spool: {self.error}"] if self.error else []
        if self.lost and self.dropped_at is not None and now - self.dropped_at < TOLD_FOR:
            why = "full" if self.lost == FULL else self.lost
            found.append(
                f"spool: {why}; {self.dropped} answers were given up, the last one at "
                f"{self.dropped_at:%H:%M:%SZ}; {remedy(self.lost)}"
            )
        return found
