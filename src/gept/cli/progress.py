"""How a long command goes."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from time import monotonic
from typing import Self, TextIO

from ..events import Finished
from .line import Line
from .moments import written

REMEMBERED = 120


class Progress:
    """Writes requests done and left, rows a second and the time left; and what breaks."""

    def __init__(self, name: str, pace: timedelta, stream: TextIO | None = None) -> None:
        self._name = name
        self._pace = pace.total_seconds()
        self._line = Line(stream)
        self._recent: deque[tuple[float, int]] = deque(maxlen=REMEMBERED)
        self._done = 0
        self._rows = 0
        self._trouble: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Tell what was done in all."""
        self._line.say(f"{self._name}: {self._done} requests done, {self._rows} rows")

    def ran(self, finished: Finished, left: int) -> None:
        """Count a tick that was asked for; tell the first of several that go wrong."""
        trouble = finished.trouble
        if trouble and not self._trouble:
            self._line.say(f"{self._name}: {written(finished.tick)} {finished.status}: {trouble}")
        self._trouble = trouble
        self._done += 1
        self._rows += finished.counts.rows
        self._recent.append((monotonic(), self._rows))
        self._line.show(self._told(left))

    def waits(self, why: str) -> None:
        """Tell why nothing is asked for, once for each reason."""
        if why != self._trouble:
            self._line.say(f"{self._name}: {why}")
        self._trouble = why
        self._recent.clear()

    def _told(self, left: int) -> str:
        (begin, before), (end, after) = self._recent[0], self._recent[-1]
        steps, seconds = len(self._recent) - 1, end - begin
        each = seconds / steps if steps else self._pace
        rate = (after - before) / seconds if seconds else 0
        time_left = timedelta(seconds=round(left * each))
        return (
            f"{self._name}: {self._done} requests done, {left} left, {rate:.0f} rows/s, "
            f"{time_left} to go"
        )
