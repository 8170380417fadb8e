"""The composition root: puts the parts together and runs them. Only the command line knows it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event as Flag
from threading import Thread
from typing import Any, TypeVar

from .. import collectors, upstream
from ..drain import Drain
from ..errors import GeptError, StoreAway, StoreError
from ..events import Finished, Observer, tell
from ..mend import Mender
from ..model import Collector
from ..observe import logs
from ..observe.health import Health
from ..runner import Runner
from ..settings import Settings
from ..spool import Spool
from ..store import Database, Server, Store, address
from ..store.database import create, is_there
from ..store.migrate import migrate
from ..tape import unpack
from .selection import chosen as chosen
from .selection import ports as ports

T = TypeVar("T")

now: Callable[[], datetime] = partial(datetime.now, UTC)
log = logs.get_logger()

GRACE = 7.0
MISSING_AFTER = timedelta(seconds=90)
LONGEST_LOOK = timedelta(days=7)


def embedded(settings: Settings, stop: Flag) -> Server | None:
    """Return gept's own server, not yet started; None where the settings name another."""
    if not settings.embedded:
        return None
    return Server(settings.folder, settings.pg_bindir, stop.wait, say=log.warning)


def there(settings: Settings, server: Server) -> bool:
    """Tell whether gept's own database has been made; start its server if there may be one."""
    if not server.initialised:
        return False
    server.ensure()
    return is_there(server.url("postgres"), settings.db_name)


def prepare(settings: Settings, server: Server | None, stop: Flag) -> None:
    """Start what is ours of the database and bring its schema up to date."""
    if server is not None:
        server.ensure()
        create(server.url("postgres"), settings.db_name)
    where, sets = address(settings, server), collectors.migration_sets()
    for each in until_stopped(lambda: migrate(where, sets), stop):
        log.info("migrated", set=each.set, number=each.number, name=each.name)


@contextmanager
def opened(settings: Settings, server: Server | None) -> Iterator[Store]:
    """Give the store, and close it and what is ours of the database at the end."""
    database = Database(address(settings, server), pooled=settings.db_pooler == "transaction")
    try:
        database.open()
        yield Store(database)
    finally:
        database.close()
        if server is not None:
            server.stop()


@contextmanager
def store(settings: Settings, stop: Flag | None = None) -> Iterator[Store]:
    """Give a store that is ready for use. Raises StoreAway or StoreBroken."""
    logs.configure()
    stop = stop or Flag()
    server = embedded(settings, stop)
    with ExitStack() as ending:
        if server is not None:
            ending.callback(server.stop)
        prepare(settings, server, stop)
        yield ending.enter_context(opened(settings, server))


def runner(
    settings: Settings,
    store: Store,
    observe: Observer,
    stop: Flag,
    spool: Spool | None = None,
) -> Runner:
    """Put a runner together."""
    source = upstream.Upstream(upstream.client(settings), settings, observe, stop, now)
    return Runner(source, store, observe, now, settings.horizon, spool)


def spool(settings: Settings, chosen: Iterable[Collector]) -> Spool:
    """Return the spool of this installation."""
    worth = {each.name: each.worth for each in chosen}
    return Spool(settings.folder / "spool", settings.spool_limit, worth)


def drain(settings: Settings, store: Store, stop: Flag) -> Drain:
    """Put a drain together for every collector."""
    every = chosen([], settings)
    waiting = spool(settings, every)
    return Drain(runner(settings, store, tell(), stop, waiting), store, waiting, every, now)


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
                yield running.replay(collector, unpack(tape))


def mender(settings: Settings, store: Store, stop: Flag) -> Mender:
    """Put a mender together."""
    source = upstream.Upstream(upstream.client(settings), settings, tell(), stop, now)
    return Mender(source, store, now, stop)


def stop_on_signals(stop: Flag) -> None:
    """Let SIGTERM and Ctrl-C set a flag."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())


def until_stopped(job: Callable[[], T], stop: Flag) -> T:
    """Run a job in a thread and return what it does; abandon it some seconds after ``stop``.

    A request that hangs cannot be interrupted, but it can be left: nothing of it is committed.
    """
    outcome: list[Any] = []

    def work() -> None:
        try:
            outcome.extend((job(), None))
        except GeptError as error:
            outcome.extend((None, error))

    thread = Thread(target=work, name="job", daemon=True)
    thread.start()
    while thread.is_alive() and not stop.is_set():
        thread.join(0.2)
    thread.join(GRACE)
    if not outcome and not stop.is_set():
        raise GeptError("this is a bug of gept; its traceback is above")
    if not outcome:
        raise StoreAway("stopped before it was done; what was not done is not stored")
    if outcome[1] is not None:
        raise outcome[1]
    return outcome[0]  # type: ignore[no-any-return]


def watch(store: Store, health: Health, horizon: timedelta) -> None:
    """Let health know how the database and the ledger stand."""
    try:
        for name, state in health.states.items():
            schedule, at = state.collector.schedule, now()
            until = schedule.newest(at - MISSING_AFTER)
            since = until - min(horizon, LONGEST_LOOK)
            missing, _ = store.count_missing(state.collector, since, until)
            health.found(name, store.standing(state.collector, at), missing)
        store.ping()
        health.database(None)
    except StoreError as error:
        health.database(str(error))
