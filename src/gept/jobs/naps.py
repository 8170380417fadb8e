"""Pauses of those who look for work, again and again."""

from __future__ import annotations

from threading import Event as Flag

DATABASE_NAP = 5.0
"""Seconds until the next look at a database that was away."""


class Sleeper:
    """Naps where there is no work; whoever knows of some can end the nap."""

    def __init__(self) -> None:
        self._awake = Flag()

    def wake(self) -> None:
        """End the present nap."""
        self._awake.set()
