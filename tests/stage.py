"""Loops in a time of their own: it goes on when all of them wait, straight to the next moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from threading import Condition, Event, Thread

from conftest import Clock

PATIENCE = 60.0


class Cue(Event):
    """A flag that is waited for in the time of a stage."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self._stage = stage

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the flag, or for so many seconds of the stage."""
        assert timeout is not None
        return self._stage.nap(self, timedelta(seconds=timeout))


@dataclass(eq=False)
class Nap:
    """One pause of one loop."""

    cue: Cue
    end: timedelta
    over: bool = False


class Stage:
    """Runs loops one at a time; ``elapsed`` is what a clock that nobody steps would measure."""

    def __init__(self, clock: Clock) -> None:
        self.stop = Cue(self)
        self.elapsed = timedelta(0)
        self._clock = clock
        self._changed = Condition()
        self._naps: list[Nap] = []
        self._busy = 0

    def start(self, loop: Callable[[Event], None]) -> None:
        """Run a loop up to its first pause."""

        def run() -> None:
            try:
                loop(self.stop)
            finally:
                self._rest()

        self._busy += 1
        Thread(target=run, daemon=True).start()
        self._settle()

    def nap(self, cue: Cue, length: timedelta) -> bool:
        """Wait in a loop; tell whether the flag is set."""
        nap = Nap(cue, self.elapsed + length)
        self._naps.append(nap)
        self._rest()
        with self._changed:
            self._changed.wait_for(lambda: nap.over)
        return cue.is_set()

    def freeze(self, **length: float) -> None:
        """Let time pass in which no loop runs: the process is stopped."""
        self._pass(self.elapsed + timedelta(**length))

    def forward(self, **length: float) -> None:
        """Let time pass in which each pause ends at its moment."""
        end = self.elapsed + timedelta(**length)
        while (nap := self._next(end)) is not None:
            self._pass(self._moment(nap))
            self._wake(nap)
        self._pass(end)

    def finish(self) -> None:
        """End every loop."""
        self.stop.set()
        while self._naps:
            self._wake(self._naps[0])

    def _next(self, end: timedelta) -> Nap | None:
        """Return the pause that ends first, unless all of them go on beyond a moment."""
        nap = min(self._naps, key=self._moment, default=None)
        return nap if nap is not None and self._moment(nap) <= end else None

    def _moment(self, nap: Nap) -> timedelta:
        """Return when a pause ends."""
        return self.elapsed if nap.cue.is_set() else max(nap.end, self.elapsed)

    def _pass(self, moment: timedelta) -> None:
        self._clock.at += moment - self.elapsed
        self.elapsed = moment

    def _wake(self, nap: Nap) -> None:
        self._naps.remove(nap)
        with self._changed:
            self._busy += 1
            nap.over = True
            self._changed.notify_all()
        self._settle()

    def _rest(self) -> None:
        with self._changed:
            self._busy -= 1
            self._changed.notify_all()

    def _settle(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._busy == 0, PATIENCE), "a loop hangs"
