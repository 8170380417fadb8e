"""What commands do beside following collectors, put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from threading import Event as Flag

from .. import upstream
from ..events import Finished, tell
from ..jobs.budget import Budget
from ..jobs.drain import Drain
from ..jobs.mend import Mender
from ..jobs.stops import Stops
from ..jobs.verify import Verifier
from ..model import Collector
from ..settings import Settings
from ..spool.tape import unpack
from ..store import Store
from . import chosen, now, runner, spool


def drain(settings: Settings, store: Store, stop: Flag) -> Drain:
    """Put a drain together for every collector."""
    every = chosen([], settings)
    waiting = spool(settings)
    stops = Stops(now)
    return Drain(runner(settings, store, tell(stops), stop, waiting), store, waiting, every, stops)


def redecoded(
    settings: Settings,
    store: Store,
    collectors: Iterable[Collector],
    span: tuple[datetime, datetime],
    stop: Flag,
) -> Iterator[Finished]:
    """Read the kept answers of a span again, the oldest first; yield what became of each."""
    running = runner(settings, store, tell(), stop)
    for collector in collectors:
        for tick in store.kept_answers(collector, *span):
            if stop.is_set():
                return
            if (tape := store.kept_answer(collector, tick)) is not None:
                yield from running.replay(collector, [unpack(tape)])


def mender(settings: Settings, store: Store, stop: Flag) -> Mender:
    """Put a mender together."""
    budget = Budget(store, settings.pace)
    source = upstream.Upstream(upstream.client(settings), settings, budget, stop, now)
    return Mender(source, store, now, stop)


def verifier(settings: Settings, store: Store, stop: Flag) -> Verifier:
    """Put a verifier together."""
    return Verifier(runner(settings, store, tell(), stop), store, now, settings.pace, stop)
