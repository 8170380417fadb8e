"""Logs: one line an event; breaks and recoveries, not every failure.

For people on a terminal, as JSON elsewhere. Lines go to standard error.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from datetime import datetime
from typing import Any

from ..errors import GeptError, StoreBroken
from ..events import LARGEST_SKEW, Dropped, Event, Fetched, Finished, remedy
from ..model import Status
from .lines import Console, Json


class Log(logging.LoggerAdapter[logging.Logger]):
    """A log that takes an event, and what is known of it by name."""

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Keep what is known of an event together, for the form of the line."""
        exc_info = kwargs.pop("exc_info", None)
        return msg, {"exc_info": exc_info, "extra": {"about": kwargs}}


def get_logger() -> Any:
    """Return the log."""
    return Log(logging.getLogger("gept"))


log = get_logger()


def configure() -> None:
    """Write for people where standard error is a terminal, one JSON object a line elsewhere."""
    handler = logging.StreamHandler()
    handler.setFormatter(Console() if sys.stderr.isatty() else Json())
    logging.basicConfig(handlers=[handler], force=True)
    logging.raiseExceptions = False  # nor tell of a line that a full disk refused
    log.setLevel(logging.INFO)
    logging.getLogger("psycopg.pool").disabled = True  # health tells once what it tells each time
    logging.getLogger("psycopg").addFilter(_is_no_aftermath)


def _is_no_aftermath(record: logging.LogRecord) -> bool:
    """Tell whether the driver says more than that a broken connection cannot be rolled back."""
    return not str(record.msg).startswith("error ignored in ")


class Logs:
    """An observer that writes what a person wants to read.

    A break is one of the newest tick: an old one that stays missing is a gap, and ``gept gaps``
    lists it.
    """

    def __init__(self) -> None:
        self._broken: dict[str, datetime] = {}
        self._newest: dict[str, datetime] = {}
        self._skewed: set[str] = set()
        self._drift: dict[str, tuple[str, ...]] = {}

    def __call__(self, event: Event) -> None:
        """Write one event, if it is worth a line."""
        if isinstance(event, Dropped):
            log.error(
                "answer lost",
                collector=event.collector,
                tick=_written(event.tick),
                reason=event.reason,
                remedy=remedy(event.reason),
            )
        if isinstance(event, Fetched) and event.skew is not None:
            self._clock(event.request.source.name, event.skew)
        if not isinstance(event, Finished) or _is_quiet(event):
            return
        newest = self._newest.setdefault(event.collector, event.tick)
        self._newest[event.collector] = max(newest, event.tick)
        if event.drift is not None and event.tick >= newest:
            self._tell_drift(event.collector, event.drift)
        if event.status.good:
            self._good(event, newest)
        elif event.collector not in self._broken and event.tick >= newest:
            self._broken[event.collector] = event.tick
            stopped = isinstance(event.error, StoreBroken)
            said = "collector stopped" if stopped else "collector broke"
            log.warning(said, **_about(event), error=event.trouble)
        if _is_bug(event):
            log.error("bug", collector=event.collector, exc_info=event.error)

    def _clock(self, source: str, skew: float) -> None:
        """Tell once that our clock and a source's differ, and once that they agree again."""
        wrong, about = abs(skew) > LARGEST_SKEW, {"source": source, "seconds_ahead": round(skew, 1)}
        if wrong and source not in self._skewed:
            self._skewed.add(source)
            remedy = "set the clock of this machine, and keep it right by NTP"
            log.warning("clock is wrong", **about, remedy=remedy)
        elif not wrong and source in self._skewed:
            self._skewed.remove(source)
            log.info("clock is right again", **about)

    def _tell_drift(self, collector: str, drift: tuple[str, ...]) -> None:
        """Tell once how answers differ from what we know, and once that they no longer do."""
        before = self._drift.get(collector, ())
        self._drift[collector] = drift
        if set(drift) == set(before):
            return
        if drift:
            log.warning("schema drift", collector=collector, differences=list(drift))
        else:
            log.info("schema as known again", collector=collector)

    def _good(self, event: Finished, newest: datetime) -> None:
        if event.tick >= newest and (since := self._broken.pop(event.collector, None)) is not None:
            log.info("collector recovered", collector=event.collector, since=_written(since))
        if event.warning:
            log.warning("unexpected answer", **_about(event), warning=event.warning)
        if event.again and not (event.counts.updated or event.counts.removed):
            return
        log.info("revised" if event.again else "stored", **_about(event), **_counts(event))


def _is_quiet(event: Finished) -> bool:
    """Tell whether a tick only waits for its turn: at its source, or in the spool."""
    waits = event.status is Status.SPOOLED and event.error is None
    return waits or event.status is Status.NOT_YET


def _about(event: Finished) -> dict[str, Any]:
    return {
        "collector": event.collector,
        "tick": _written(event.tick),
        "status": event.status.value,
    }


def _counts(event: Finished) -> dict[str, Any]:
    names = ("inserted", "updated", "removed", "unchanged", "rejected")
    counts = {name: number for name in names if (number := getattr(event.counts, name))}
    return {**counts, "seconds": round(event.seconds, 3)}


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _is_bug(event: Finished) -> bool:
    return event.error is not None and not isinstance(event.error, GeptError)
