"""Kills gept at every step of a tick, each time in a new life, and lets it be started again.

Run as ``python -m proof.lives ADDRESS STORY EVERY``. This process imports all and holds no thread and
no connection, so that a life is forked from it warm: life number n reads tick number n of the story
and is killed by SIGKILL at step n × EVERY; the next one finishes what it left, as a restart does. The
first life that comes to the end of its tick is the last. How many were killed is printed as JSON, and
how many had committed by then. ``python -m proof.lives ADDRESS STORY 0 TICKS`` kills nobody.

A step is a line of gept's own that is reached (the first two times; a loop's later turns are no new
points). A wait of the driver, when something was sent to the server and the answer is not there,
counts as EVERY steps: it is always somebody's last one.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Generator
from threading import get_ident
from typing import Any

import psycopg

from proof.machine import Machine, stories

TURNS = 2
YES, NO, BROKEN = 0, 1, 2


class Doom:
    """Kills this process at the given step; a wait counts as so many."""

    def __init__(self, step: int, worth: int) -> None:
        self._left = step
        self._worth = worth
        self._reached: Counter[tuple[object, int]] = Counter()
        self._thread = get_ident()

    def run(self, tick: Callable[[], Any]) -> Any:
        """Run a tick under this doom."""
        psycopg.Connection.wait = self._waiting(psycopg.Connection.wait)  # type: ignore[method-assign]
        sys.settrace(self._trace)
        try:
            return tick()
        finally:
            sys.settrace(None)

    def _step(self, worth: int) -> None:
        self._left -= worth
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def _trace(self, frame: Any, event: str, _: Any) -> Any:
        """Trace the lines of gept's own; the made-up services are none of it."""
        module = frame.f_globals.get("__name__", "")
        if not module.startswith("gept.") or module.startswith("gept.simulate."):
            return None
        if event == "line":
            line = (frame.f_code, frame.f_lineno)
            self._reached[line] += 1
            if self._reached[line] <= TURNS:
                self._step(1)
        return self._trace

    def _waiting(self, wait: Callable[..., Any]) -> Callable[..., Any]:
        """Return the driver's wait; other threads wait as they do."""

        def stepping(connection: Any, exchange: Any, *others: Any, **named: Any) -> Any:
            if get_ident() == self._thread:
                exchange = self._counted(exchange)
            return wait(connection, exchange, *others, **named)

        return stepping

    def _counted(self, exchange: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """Make a step when an exchange begins to wait: what it had to send is sent."""
        try:
            wanted = next(exchange)
            self._step(self._worth)
            while True:
                wanted = exchange.send((yield wanted))
        except StopIteration as end:
            return end.value


def doomed(gept: Machine, number: int, every: int) -> bool:
    """Read a tick up to the step of its number; tell whether it was read to its end."""
    settled = gept.story.settled
    if settled:
        gept.finish(number, settled=False)
    gept.turn(number, settled=settled)
    gept.is_open(number)  # so that there is a connection before the steps are counted
    finished = Doom(number * every, every).run(lambda: gept.read(number))
    return bool(finished.status.good)


def restarted(gept: Machine, number: int) -> bool:
    """Finish a tick; tell whether it was open."""
    return gept.finish(number, settled=gept.story.settled)


def life(work: Callable[[], bool]) -> int | None:
    """Do work in a process of its own; return how it ended, None where it was killed."""
    child = os.fork()
    if child == 0:
        end = BROKEN
        try:
            end = YES if work() else NO
        except BaseException:  # noqa: BLE001 - whatever it is, no child may become a second driver
            traceback.print_exc()
        os._exit(end)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return None
    if os.waitstatus_to_exitcode(status) not in {YES, NO}:
        raise SystemExit("a life was broken; what it said is above")
    return os.waitstatus_to_exitcode(status)


def kill_all(gept: Machine, address: str, every: int) -> tuple[int, int]:
    """Kill until one comes to the end of its tick; return how many, and how many had committed."""

    def next_dies() -> bool:
        gept.open(address)
        return doomed(gept, kills + 1, every)

    def is_restarted() -> bool:
        gept.open(address)
        return restarted(gept, kills)

    kills = committed = 0
    while life(next_dies) is None:
        kills += 1
        committed += life(is_restarted) == NO
    return kills, committed


def main(address: str, name: str, every: int, ticks: int = 0) -> None:
    """Live until one is not killed; or, where EVERY is 0, without a kill through so many ticks."""
    gept = Machine(stories()[name])
    kills, committed = kill_all(gept, address, every) if every else (0, 0)
    gept.open(address)
    gept.tell(ticks)
    gept.close()
    told = {"kills": kills, "committed": committed, "ticks": kills + 1}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
