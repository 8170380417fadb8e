"""Logs: one line an event; breaks and recoveries, not every failure.

For people on a terminal, as JSON elsewhere. Lines go to standard error.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from datetime import datetime
from typing import Any, TextIO, cast

# structlog takes rich along where it is installed, for some MiB that nobody here would see.
sys.modules.setdefault("rich", None)  # type: ignore[arg-type]

import structlog  # noqa: E402

from ..errors import GeptError, StoreBroken  # noqa: E402
from ..events import LARGEST_SKEW, Dropped, Event, Fetched, Finished  # noqa: E402
from ..model import Status  # noqa: E402


def get_logger() -> Any:
    """Return the log."""
    return structlog.get_logger()


def configure() -> None:
    """Write for people where standard error is a terminal, one JSON object a line elsewhere."""
    logging.basicConfig(handlers=[_Bridge(logging.WARNING)], force=True)
    logging.getLogger("psycopg.pool").disabled = True  # health tells once what it tells each time
    logging.getLogger("psycopg").addFilter(_is_no_aftermath)
    terminal = sys.stderr.isatty()
    render: Any = structlog.processors.JSONRenderer()
    if terminal:
        plain = structlog.dev.plain_traceback
        render = structlog.dev.ConsoleRenderer(exception_formatter=plain, pad_event_to=20)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Patient(sys.stderr))),
        cache_logger_on_first_use=True,
    )


class _Patient:
    """Standard error, but for the lines that its disk does not take: collecting goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write, if there is room."""
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        """Write what is still held back, if there is room."""
        with suppress(OSError):
            self._stream.flush()


class _Bridge(logging.Handler):
    """Takes what libraries warn of into our log, in our form."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        structlog.get_logger().warning(record.getMessage(), library=record.name)


def _is_no_aftermath(record: logging.LogRecord) -> bool:
    """Tell whether the driver says more than that a broken connection cannot be rolled back."""
    return not str(record.msg).startswith("error ignored in ")


class Logs:
    """An observer that writes what a person wants to read.

    A break is one of the newest tick: an old one that stays missing is a gap, and ``gept gaps``
    lists it.
    """

    def __init__(self, log: Any = None) -> None:
        self._log = log or structlog.get_logger()
        self._broken: dict[str, datetime] = {}
        self._newest: dict[str, datetime] = {}
        self._skewed: set[str] = set()
        self._drift: dict[str, tuple[str, ...]] = {}

    def __call__(self, event: Event) -> None:
        """Write one event, if it is worth a line."""
        if isinstance(event, Dropped):
            self._log.error(
                "answer lost",
                collector=event.collector,
                tick=_written(event.tick),
                reason=event.reason,
                remedy="bring the database back, or raise GEPT_SPOOL_LIMIT",
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
            self._log.warning(said, **_about(event), error=event.trouble)
        if _is_bug(event):
            self._log.error("bug", collector=event.collector, exc_info=event.error)

    def _clock(self, source: str, skew: float) -> None:
        """Tell once that our clock and a source's differ, and once that they agree again."""
        wrong, about = abs(skew) > LARGEST_SKEW, {"source": source, "seconds_ahead": round(skew, 1)}
        if wrong and source not in self._skewed:
            self._skewed.add(source)
            remedy = "set the clock of this machine, and keep it right by NTP"
            self._log.warning("clock is wrong", **about, remedy=remedy)
        elif not wrong and source in self._skewed:
            self._skewed.remove(source)
            self._log.info("clock is right again", **about)

    def _tell_drift(self, collector: str, drift: tuple[str, ...]) -> None:
        """Tell once how answers differ from what we know, and once that they no longer do."""
        before = self._drift.get(collector, ())
        self._drift[collector] = drift
        if set(drift) == set(before):
            return
        if drift:
            self._log.warning("schema drift", collector=collector, differences=list(drift))
        else:
            self._log.info("schema as known again", collector=collector)

    def _good(self, event: Finished, newest: datetime) -> None:
        if event.tick >= newest and (since := self._broken.pop(event.collector, None)) is not None:
            self._log.info("collector recovered", collector=event.collector, since=_written(since))
        if event.warning:
            self._log.warning("unexpected answer", **_about(event), warning=event.warning)
        if event.again and not (event.counts.updated or event.counts.removed):
            return
        self._log.info("revised" if event.again else "stored", **_about(event), **_counts(event))


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
