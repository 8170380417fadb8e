"""How long a day of minutes that waited for the database takes to be stored, in both ways.

``ours`` is the drain. ``plain`` stores each answer alone. On snapshots of 4,000 items of which one
in ten has changed since the minute before, in a process of its own.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from gept.collectors.latest import COLLECTOR
from gept.jobs.drain import Drain
from gept.jobs.stops import Stops
from gept.model import Tick
from gept.runner.runner import Runner
from gept.spool.spool import Spool
from gept.spool.tape import Answer, Player, Tape
from gept.store import Database, Store

from .payloads import ITEMS

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
MINUTES_A_DAY = 1440
MINUTES, ROUNDS = 60, 3
SPOOL = 2**30
CHANGING = 10


def tape(minute: int) -> Tape:
    """Return the answer of a minute."""
    at = FIRST + timedelta(minutes=minute)
    [request] = COLLECTOR.requests(Tick(at))
    return Tape("latest", at, at, None, (Answer(str(request), at, body(minute)),))


def body(minute: int) -> bytes:
    """Return a snapshot as the source would send it; each item trades once in ten minutes."""
    seconds = int(FIRST.timestamp())
    data = {}
    for item in range(1, ITEMS + 1):
        traded = minute - (minute + item) % CHANGING
        moment = seconds + traded * 60
        price = 1000 + item * 7 % 90_000 + traded % 50
        data[item] = {"high": price, "highTime": moment, "low": price - 9, "lowTime": moment}
    return json.dumps({"data": data}).encode()


def unasked() -> Player:
    """Return a source that nobody is to ask."""
    return Player(())


def seconds(work: Callable[[], object]) -> float:
    """Return how long some work takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def measured(store: Store, folder: Path) -> Iterator[tuple[float, float]]:
    """Yield how long minutes take in our way and in the plain one, by turns."""
    now = lambda: FIRST + timedelta(days=2)  # noqa: E731
    spool = Spool(folder, SPOOL, {})
    runner = Runner(unasked(), store, lambda event: None, now, timedelta(days=7), spool)
    drain = Drain(runner, store, spool, [COLLECTOR], Stops(now))

    def plainly(tapes: list[Tape]) -> None:
        for each in tapes:
            list(runner.replay(COLLECTOR, [each]))

    for begin in range(0, 2 * MINUTES * (ROUNDS + 1), 2 * MINUTES):
        for minute in range(begin, begin + MINUTES):
            spool.keep(tape(minute))
        alone = [tape(minute) for minute in range(begin + MINUTES, begin + 2 * MINUTES)]
        yield seconds(lambda: list(drain.drain())), seconds(partial(plainly, alone))


def main(address: str) -> None:
    """Print the seconds of a day in our way, and what share of the plain way's that is."""
    database = Database(address)
    database.open()
    store = Store(database)
    store.begin(COLLECTOR, FIRST, FIRST)
    with TemporaryDirectory() as folder:
        _, *rounds = measured(store, Path(folder))  # the first one warms up
    database.close()
    ours, plain = (sorted(each)[ROUNDS // 2] for each in zip(*rounds, strict=True))
    day = ours / MINUTES * MINUTES_A_DAY
    print(json.dumps({"drain.seconds_a_day": day, "drain.wall_ratio": ours / plain}))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
