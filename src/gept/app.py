"""The composition root: puts the parts together and runs them. Only the command line knows it."""

from __future__ import annotations

import ctypes
import gc
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from itertools import groupby
from threading import Event as Flag
from threading import Thread
from time import monotonic
from typing import Any, TypeVar
from uuid import getnode

from . import collectors, upstream
from .errors import GeptError, SettingsError, StoreAway, StoreError, UsageError
from .events import Observer, tell
from .mend import Mender
from .model import Collector
from .observe import logs
from .observe.health import Health
from .observe.metrics import Metrics
from .repair import Repair
from .runner import Runner
from .settings import Settings, stranger
from .store import Database, Server, Store, address
from .store.database import create
from .store.migrate import migrate
from .web import Server as Web
from .web.routes import application

T = TypeVar("T")

now: Callable[[], datetime] = partial(datetime.now, UTC)
log = logs.get_logger()

BUCKET_START, LATEST_START = timedelta(seconds=2), timedelta(minutes=5)
GRACE = 7.0
WATCH = 10.0
RETRY = 3.0
MISSING_AFTER = timedelta(seconds=90)
LONGEST_LOOK = timedelta(days=7)
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
HEAP = {M_ARENA_MAX: 1, M_MMAP_THRESHOLD: 65_536, M_TRIM_THRESHOLD: 131_072}


def chosen(names: Sequence[str], settings: Settings) -> list[Collector]:
    """Return collectors by name, all of them for no name, as the settings want them.

    Raises UsageError for an unknown one, SettingsError for a setting of none.
    """
    known = collectors.load_all()
    for name in names:
        if name not in known:
            raise UsageError(f"{name!r} is no collector; there are {', '.join(known)}")
    refuse_strangers(known, settings)
    found = [known[name] for name in dict.fromkeys(names)] or list(known.values())
    alone = settings.collection_interval if len(names) == 1 else None
    return [adapted(each, settings, alone) for each in found]


def adapted(collector: Collector, settings: Settings, alone: timedelta | None) -> Collector:
    """Return a collector with the port and the interval that the settings give it."""
    name, named = collector.name.upper(), settings.by_collector
    schedule = collector.schedule
    if collector.history is None:
        wanted = named.get(f"GEPT_{name}_INTERVAL", alone)
        schedule = replace(schedule, interval=wanted or schedule.interval)
    spread = LATEST_START if collector.history is None else BUCKET_START
    late = min(schedule.interval / 20, spread) * offset(settings)
    port = named.get(f"GEPT_{name}_PORT", collector.port)
    return replace(collector, port=port, schedule=replace(schedule, delay=schedule.delay + late))


def offset(settings: Settings) -> float:
    """Return a number from 0 to 1 that is this installation's own and stays the same.

    It spreads many installations over the seconds of a source that all of them ask at :00.
    """
    own = f"{getnode()} {settings.folder} {settings.db_host} {settings.contact}"
    return int.from_bytes(sha256(own.encode()).digest()[:4]) / 2**32


def refuse_strangers(known: Mapping[str, Collector], settings: Settings) -> None:
    """Raise SettingsError for each setting of a collector or source that is not there."""
    present = [each for each in known.values() if each.history is None]
    ours = {f"GEPT_{each.name.upper()}_INTERVAL" for each in present}
    ours |= {f"GEPT_{name.upper()}_PORT" for name in known}
    ours |= {each.source.setting for each in known.values()}
    named = settings.by_collector
    if strange := [stranger(name, named[name], ours) for name in named if name not in ours]:
        raise SettingsError(strange)


def ports(chosen: Sequence[Collector], settings: Settings) -> dict[str, int]:
    """Return the web ports of ``gept collect``, each by what sets it."""
    if len(chosen) == 1:
        return {"METRICS_PORT": settings.metrics_port or chosen[0].port}
    return {f"port of {each.name}": each.port for each in chosen}


def embedded(settings: Settings, stop: Flag) -> Server | None:
    """Return gept's own server, not yet started; None where the settings name another."""
    if not settings.embedded:
        return None
    return Server(settings.folder, settings.pg_bindir, stop.wait)


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
    try:
        prepare(settings, server, stop)
    except BaseException:
        if server is not None:
            server.stop()
        raise
    with opened(settings, server) as ready:
        yield ready


def runner(settings: Settings, store: Store, observe: Observer, stop: Flag) -> Runner:
    """Put a runner together."""
    source = upstream.Upstream(upstream.client(settings), settings, observe, stop, now)
    return Runner(source, store, observe, now, settings.horizon)


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


def first_tick(collector: Collector, settings: Settings, at: datetime) -> datetime:
    """Return the oldest tick that a first start wants."""
    newest = collector.schedule.newest(at)
    if collector.history is None:
        return newest
    return max(collector.schedule.ceil(newest - settings.first_horizon), collector.history)


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


@dataclass(slots=True)
class Following:
    """Follows collectors until told to stop: the threads, and what they share."""

    settings: Settings
    collectors: list[Collector]
    web: Web
    stop: Flag
    died: str | None = None

    def run(self) -> None:
        """Follow. Raises StoreBroken for an unusable database, GeptError for a dead thread."""
        spare_memory()
        server = embedded(self.settings, self.stop)
        health = Health(self.collectors, now)
        metrics = Metrics(self.collectors, health, now)
        try:
            self.web.start(application(health, metrics.scrape, now))
            if self._await_database(server, health):
                with opened(self.settings, server) as store:
                    self._follow(store, server, health, metrics)
        finally:
            self.web.stop()
            if server is not None:
                server.stop()
        if self.died:
            raise GeptError(f"the thread {self.died!r} died; see the log")

    def _await_database(self, server: Server | None, health: Health) -> bool:
        """Try until the database is ready; a false answer means that we were told to stop."""
        told = False
        while not self.stop.is_set():
            try:
                prepare(self.settings, server, self.stop)
            except StoreAway as error:
                health.database(str(error))
                if not told and not self.stop.is_set():
                    log.warning("waiting for the database", error=str(error))
                told = True
                self.stop.wait(RETRY)
            else:
                return True
        return False

    def _follow(
        self, store: Store, server: Server | None, health: Health, metrics: Metrics
    ) -> None:
        repairs: list[Repair] = []

        def wake(event: Any) -> None:
            for repair in repairs:
                repair(event)

        observe = tell(health, metrics, logs.Logs(), wake)
        running = runner(self.settings, store, observe, self.stop)
        repairs += self._repairs(running, store)
        self._begin(store)
        watch(store, health, self.settings.horizon)
        threads = self._start(running, repairs, store, health)
        log.info("started", collectors=[each.name for each in self.collectors])
        self._supervise(server, health)
        for repair in repairs:
            repair.wake()
        end = monotonic() + GRACE
        for thread in threads:
            thread.join(max(end - monotonic(), 0))
        log.info("stopped")

    def _begin(self, store: Store) -> None:
        """Want the ticks of every collector; a database that is away just now is waited for."""
        waiting = list(self.collectors)
        while waiting and not self.stop.is_set():
            try:
                store.begin(waiting[0], first_tick(waiting[0], self.settings, now()), now())
                del waiting[0]
            except StoreAway:
                self.stop.wait(RETRY)

    def _repairs(self, running: Runner, store: Store) -> list[Repair]:
        """Return one repair for the collectors of each source."""

        def source(collector: Collector) -> str:
            return collector.source.name

        groups = groupby(sorted(self.collectors, key=source), key=source)
        horizon, pace = self.settings.horizon, self.settings.pace
        return [Repair(running, store, list(group), now, horizon, pace) for _, group in groups]

    def _start(
        self, running: Runner, repairs: list[Repair], store: Store, health: Health
    ) -> list[Thread]:
        def keep_watch() -> None:
            while not self.stop.wait(WATCH):
                watch(store, health, self.settings.horizon)

        jobs: dict[str, Callable[[], None]] = {"watch": keep_watch}
        for each in self.collectors:
            jobs[each.name] = partial(running.follow, each, self.stop)
        for number, repair in enumerate(repairs):
            jobs[f"repair {number}"] = partial(repair.follow, self.stop)
        threads = [
            Thread(target=self._guarded, args=(name, job), name=name, daemon=True)
            for name, job in jobs.items()
        ]
        gc.collect()
        gc.freeze()
        for thread in threads:
            thread.start()
        return threads

    def _guarded(self, name: str, job: Callable[[], None]) -> None:
        """Run a thread's job; its death ends the process, so that it cannot hide in a live one."""
        try:
            job()
        except GeptError as error:
            log.error("thread ended", thread=name, error=str(error))  # noqa: TRY400 - a sentence
        finally:
            if not self.stop.is_set():
                self.died = name
                self.stop.set()

    def _supervise(self, server: Server | None, health: Health) -> None:
        """Wait for the end; meanwhile see to it that gept's own server runs."""
        while not self.stop.wait(1):
            if not self.web.alive:
                self.died = "web"
                self.stop.set()
            if server is None:
                continue
            owned = server.owned
            try:
                server.ensure()
            except StoreError as error:
                health.database(str(error))
                self.stop.wait(RETRY)
            if server.owned and not owned:
                log.info("runs the database now")


def spare_memory() -> None:
    """Let the threads share one heap, and give back what is large as soon as it is free.

    Else each thread's own heap would keep the room of its largest answer for ever.
    """
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):
            libc = ctypes.CDLL(None)
            for option, value in HEAP.items():
                libc.mallopt(option, value)
            libc.malloc_trim(0)
