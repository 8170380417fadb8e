"""What the dashboard tells. It is read once every few seconds, for all who look."""

from __future__ import annotations

import json
from asyncio import sleep
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event as Flag
from time import monotonic
from typing import Any

from .. import __version__
from ..errors import StoreError
from ..model import Collector
from ..observe.health import Health, State
from ..store import Gap, Neighbour, Process, Size

EVERY = 4.0
"""Seconds between two readings while somebody looks; nothing is read while nobody does."""
TELLS_FOR = 1.0
"""Seconds for which all viewers get the same answer."""
WAIT, NAP = 2.0, 0.05
CRITICAL = timedelta(hours=1)
STALE = timedelta(minutes=5)
"""How old the newest row of a table without a schedule may be."""
MOST_GAPS = 20
NOT_RUNNING = "not running"
UNITS = ("bytes", "kB", "MB", "GB", "TB")
DISPLAY = {
    "price_data_5min": "5-Minute Prices",
    "prices_1h": "Hourly Prices",
    "prices_latest_1m": "1-Minute Ticks",
    "prices_current": "Current Prices",
    "osrs_news": "News",
    "player_counts": "Player Counts",
    "items": "Items",
    "predictions": "ML Predictions",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What the database says of tables, processes, gaps, backfills that rest, and predictions."""

    sizes: Mapping[str, Size] = field(default_factory=dict)
    processes: Sequence[Process] = ()
    gaps: Mapping[str, Sequence[Gap]] = field(default_factory=dict)
    paused: Mapping[str, datetime] = field(default_factory=dict)
    predictions: Neighbour | None = None


class Board:
    """Knows the newest reading, and makes of it what viewers get."""

    def __init__(self, health: Health, now: Callable[[], datetime]) -> None:
        self._health = health
        self._now = now
        self._asked = Flag()
        self._reads = False
        self._reading = Reading()
        self._read_at = -EVERY
        self._told, self._told_at = b"", -TELLS_FOR
        self._error: str | None = None

    def follow(self, read: Callable[[], Reading], stop: Flag) -> None:
        """Read whenever somebody has looked, until told to stop."""
        self._reads = True
        while not stop.is_set():
            if self._asked.wait(1):
                self._asked.clear()
                self.look(read)
                stop.wait(EVERY)

    def look(self, read: Callable[[], Reading]) -> None:
        """Read; what cannot be read just now stays as it was, and the error is told."""
        try:
            self._reading, self._error = read(), None
        except StoreError as error:
            self._error = str(error)
        self._read_at = monotonic()

    async def answer(self) -> bytes:
        """Return the state as JSON; whoever comes first waits a moment for a new reading."""
        self._asked.set()
        end = monotonic() + WAIT
        while self._awaited and monotonic() < end:  # noqa: ASYNC110 - the reader is a thread
            await sleep(NAP)
        if monotonic() - self._told_at >= TELLS_FOR:
            self._told, self._told_at = json.dumps(self.told()).encode(), monotonic()
        return self._told

    @property
    def _awaited(self) -> bool:
        return self._reads and monotonic() - self._read_at > 2 * EVERY

    def told(self) -> dict[str, Any]:
        """Return the state of everything as plain values."""
        now, states = self._now(), self._health.states
        troubles = self._health.troubles()
        return {
            "timestamp": now.isoformat(),
            "version": __version__,
            "status": "unhealthy" if troubles else "ok",
            "reasons": troubles,
            "warnings": self._health.warnings(),
            "error": self._error,
            "tables": [
                self._table(name, state, now)
                for state in states.values()
                for name in state.collector.tables
            ]
            + [_neighbour(each, now) for each in [self._reading.predictions] if each],
            "collectors": [self._collector(state, now) for state in states.values()],
            "gaps": self._gaps(),
            "processes": [_process(each, now) for each in self._reading.processes],
            "containers": [_container(each, now) for each in self._reading.processes],
        }

    def _table(self, name: str, state: State, now: datetime) -> dict[str, Any]:
        size = self._reading.sizes.get(name)
        latest = None if state.stored is None else state.stored[0]
        there = size is not None and size.there
        told = {
            "name": name,
            "display": DISPLAY.get(name, name),
            "collector": state.collector.name,
            **_measured(size if there else None, latest, now),
            "status": judged(state.collector, state.newest, now),
        }
        if size is not None and not there:
            remedy = "run `gept db migrate`"
            return told | {"status": "error", "error": f"there is no table {name}; {remedy}"}
        return told

    def _collector(self, state: State, now: datetime) -> dict[str, Any]:
        collector, lag = state.collector, state.lag(now)
        schedule, unled = collector.schedule, self._health.unled.get(collector.name)
        following = schedule.due(schedule.following(schedule.newest(now)))
        last_error_at, last_error = self._last_error(state)
        leaders = [each for each in self._reading.processes if collector.name in each.leads]
        return {
            "name": collector.name,
            "about": collector.about,
            "tables": collector.tables,
            "status": NOT_RUNNING if unled else judged(collector, state.newest, now),
            "trouble": unled or state.trouble(now),
            "newest_good_tick": _iso(state.newest),
            "lag_seconds": None if lag is None else _seconds(lag),
            "interval_seconds": _seconds(schedule.interval),
            "next_run": None if unled else _iso(following),
            "last_status": state.status,
            "error": state.error,
            "last_error": last_error,
            "last_error_at": _iso(last_error_at),
            "ticks_missing": state.missing,
            "completeness": dict(state.shares),
            "schema_drift": None if state.drift is None else list(state.drift),
            "led_by": [f"{each.host}:{each.pid}" for each in leaders],
            "backfill_paused_since": _iso(self._reading.paused.get(collector.name)),
        }

    def _last_error(self, state: State) -> tuple[datetime | None, str | None]:
        """Return the newest tick that went wrong, and why: the newest of all, or of a gap."""
        step, gaps = state.collector.schedule.interval, self._reading.gaps
        of_gaps = gaps.get(state.collector.name, ())
        found = [(gap.until - step, gap.error) for gap in of_gaps if gap.error]
        if state.error and state.tick:
            found.append((state.tick, state.error))
        return max(found) if found else (None, None)

    def _gaps(self) -> list[dict[str, Any]]:
        """Return the newest gaps of all collectors, the newest first."""
        found = [(gap, name) for name, gaps in self._reading.gaps.items() for gap in gaps]
        newest = sorted(found, key=lambda each: each[0].until, reverse=True)
        return [
            {
                "collector": name,
                "since": _iso(gap.since),
                "until": _iso(gap.until),
                "ticks": gap.ticks,
                "cause": gap.cause,
                "error": gap.error,
            }
            for gap, name in newest[:MOST_GAPS]
        ]


def judged(collector: Collector, newest: datetime | None, now: datetime) -> str:
    """Return how a collector's newest good tick stands to its own schedule."""
    if newest is None:
        return "critical"
    stale_at = collector.stale_at(newest)
    if now < stale_at:
        return "healthy"
    late = now - stale_at
    return "stale" if late < max(CRITICAL, collector.schedule.interval) else "critical"


def _neighbour(table: Neighbour, now: datetime) -> dict[str, Any]:
    """Return how a table stands that others fill: it has no schedule that we know."""
    age = now - (table.newest or datetime.min.replace(tzinfo=UTC))
    status = "healthy" if age < STALE else "stale" if age < CRITICAL else "critical"
    told = {
        "name": table.name,
        "display": DISPLAY.get(table.name, table.name),
        "collector": None,
        **_measured(table.size, table.newest, now),
        "status": "error" if table.error else status,
    }
    return told | ({"error": table.error} if table.error else {})


def _measured(size: Size | None, latest: datetime | None, now: datetime) -> dict[str, Any]:
    return {
        "rows": size.rows if size else None,
        "rows_are_estimated": True,
        "size": in_words(size.size) if size else None,
        "size_bytes": size.size if size else None,
        "latest": _iso(latest),
        "age_seconds": None if latest is None else max(_seconds(now - latest), 0.0),
    }


def in_words(size: int) -> str:
    """Return an amount of bytes as people read it."""
    amount, unit = float(size), UNITS[0]
    for following in UNITS[1:]:
        if amount < 1024:
            break
        amount, unit = amount / 1024, following
    return f"{amount:.0f} {unit}" if amount >= 100 or unit == UNITS[0] else f"{amount:.1f} {unit}"


def _process(process: Process, now: datetime) -> dict[str, Any]:
    return {
        "host": process.host,
        "pid": process.pid,
        "version": process.version,
        "started_at": _iso(process.started_at),
        "beat_age_seconds": max(_seconds(now - process.beat_at), 0.0),
        "collectors": process.collectors,
        "leads": process.leads,
        "last_ticks": process.last_ticks,
        "spooled": process.spooled,
    }


def _container(process: Process, now: datetime) -> dict[str, Any]:
    """Return a process in the form that containers had here."""
    minutes = int(_seconds(now - process.started_at) // 60)
    name = f"{'+'.join(process.collectors)} ({process.host}:{process.pid})"
    plural = "" if minutes == 1 else "s"
    return {"name": name, "status": f"Up {minutes} minute{plural}", "ports": ""}


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _seconds(length: timedelta) -> float:
    return round(length.total_seconds(), 1)
