"""The composition root: puts the parts together and runs them. Only the command line knows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event as Flag
from threading import Thread
from typing import Any, TypeVar

from .. import collectors, upstream
from ..errors import GeptError, StoreAway, StoreError
from ..events import Observer, tell
from ..jobs.budget import Budget
from ..model import Collector, Table
from ..observe import logs
from ..observe.health import Health
from ..runner import Runner
from ..settings import Settings, renewed
from ..spool import Spool
from ..spool.led import Led
from ..spool.outages import Outages
from ..store import Database, Server, Store, address, renewing
from ..store.database import create, is_there
from ..store.layouts import timescale
from ..store.schema import tables
from ..store.schema.migrate import migrate
from .selection import chosen as chosen
from .selection import ports as ports
from .signals import stop_on_signals as stop_on_signals

T = TypeVar("T")

now: Callable[[], datetime] = partial(datetime.now, UTC)
log = logs.get_logger()

GRACE = 7.0
FEWEST_CONNECTIONS, MOST_CONNECTIONS = 8, 32
MISSING_AFTER = timedelta(seconds=90)
WINDOWS = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7)}


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
    where, sets = address(renewed(settings), server), collectors.migration_sets()
    for each in until_stopped(lambda: migrate(where, sets), stop):
        log.info("migrated", set=each.set, number=each.number, name=each.name)
    until_stopped(lambda: refuse_unfit_tables(where), stop)
    until_stopped(lambda: lay_out(settings, where), stop)


def lay_out(settings: Settings, where: str) -> None:
    """Bring gept's own big tables to their declared state, where the server has TimescaleDB."""
    done = timescale.lay_out(where, big_tables(), settings.compress_after)
    for each in done.changed:
        log.info("laid out", table=each)
    for each in done.native:
        log.warning("a big table stays as it is", table=each)


def big_tables() -> list[Table]:
    """Return gept's own tables that are laid out by time; packages see to their own."""
    others = collectors.of_packages()
    every = collectors.load_all().items()
    return [
        each.table
        for name, each in every
        if name not in others and each.table.partition is not None
    ]


def refuse_unfit_tables(where: str) -> None:
    """Raise UsageError where a collector of another package declares what its tables are not."""
    packages = collectors.of_packages()
    known = collectors.load_all() if packages else {}
    for name, package in packages.items():
        found = known[name]
        if wrong := tables.borrowed(found.table) or tables.faults(where, found):
            raise collectors.ill_declared(name, package, wrong)


@contextmanager
def address_of(settings: Settings) -> Iterator[str]:
    """Give the address of a database that is ready for use; made if need be."""
    server = embedded(settings, Flag())
    try:
        prepare(settings, server, Flag())
        yield address(settings, server)
    finally:
        if server is not None:
            server.stop()


@contextmanager
def opened(
    settings: Settings, server: Server | None, connections: int = FEWEST_CONNECTIONS
) -> Iterator[Store]:
    """Give the store, and close it and what is ours of the database at the end."""
    pooled = settings.db_pooler == "transaction"
    database = Database(renewing(settings, server), connections, pooled=pooled)
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
    with lasting_store(settings, stop or Flag()) as (found, _):
        yield found


@contextmanager
def lasting_store(settings: Settings, stop: Flag) -> Iterator[tuple[Store, Callable[[], None]]]:
    """Give a store, and what to call in the main thread so that our own server stays with us.

    The process that ran it may end meanwhile.
    """
    logs.configure()
    server = embedded(settings, stop)
    with ExitStack() as ending:
        if server is not None:
            ending.callback(server.stop)
        prepare(settings, server, stop)
        yield ending.enter_context(opened(settings, server)), partial(_keep, server)


def _keep(server: Server | None) -> None:
    """See to it that our own server runs; what keeps it from that may pass."""
    if server is not None:
        with suppress(StoreError):
            server.ensure()


def runner(
    settings: Settings,
    store: Store,
    observe: Observer,
    stop: Flag,
    spool: Spool | None = None,
) -> Runner:
    """Put a runner together."""
    told = tell(observe, Budget(store, settings.pace))
    source = upstream.Upstream(upstream.client(settings), settings, told, stop, now)
    return Runner(source, store, observe, now, settings.horizon, spool)


def spool(settings: Settings) -> Spool:
    """Return the spool of this installation, which other processes may share."""
    worth = {each.name: each.worth for each in chosen([], settings)}
    return Spool(settings.folder / "spool", settings.spool_limit, worth, _told_aside)


def outages(settings: Settings) -> Outages:
    """Return what this installation has seen of outages that its ledger does not know of."""
    return Outages(settings.folder / "outages")


def led(settings: Settings) -> Led:
    """Return what this installation led last."""
    return Led(settings.folder / "leads")


def _told_aside(name: str, why: str) -> None:
    log.warning("a file of the spool is set aside", file=name, reason=why)


def until_stopped(
    job: Callable[[], T], stop: Flag, meanwhile: Callable[[], None] = lambda: None
) -> T:
    """Run a job in a thread and return what it does; abandon it some seconds after ``stop``.

    A request that hangs cannot be interrupted, but it can be left: nothing of it is committed.
    ``meanwhile`` is called in this thread, again and again.
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
        meanwhile()
    thread.join(GRACE)
    if not outcome and not stop.is_set():
        raise GeptError("this is a bug of gept; its traceback is above")
    if not outcome:
        raise StoreAway("stopped before it was done; what was not done is not stored")
    if outcome[1] is not None:
        raise outcome[1]
    return outcome[0]  # type: ignore[no-any-return]


def connections(collectors: int) -> int:
    """Return how many connections a process may open that follows so many collectors.

    One for each live tick, two for each repair, of which there are fewer, and some for who looks.
    """
    return min(max(2 * collectors + 4, FEWEST_CONNECTIONS), MOST_CONNECTIONS)


def ready(collector: Collector, at: datetime) -> datetime:
    """Return the end of the ticks that should be there; the newest may be on its way."""
    return collector.schedule.newest(at - MISSING_AFTER)


def completeness(
    store: Store, collector: Collector, horizon: timedelta, at: datetime
) -> tuple[int, dict[str, float]]:
    """Return how many ticks are missing within the horizon, and the share there of each window."""
    until = ready(collector, at)
    sinces = [until - length for length in (horizon, *WINDOWS.values())]
    (missing, _), *counts = store.count_missing_since(collector, sinces, until)
    found = zip(WINDOWS, counts, strict=True)
    return missing, {name: 1 - lacks / wanted for name, (lacks, wanted) in found if wanted}


def watch(store: Store, health: Health, horizon: timedelta) -> None:
    """Let health know how the database and the ledger stand."""
    try:
        for name, state in health.states.items():
            at = now()
            missing, shares = completeness(store, state.collector, horizon, at)
            health.found(name, store.standing(state.collector, at), missing, shares)
        store.ping()
        health.database(None)
    except StoreError as error:
        health.database(str(error))
