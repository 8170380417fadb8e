"""What every port answers. All of it comes from memory: no answer waits for the database."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from .. import __version__
from ..observe.health import Health, State

TEXT, JSON = "text/plain; charset=utf-8", "application/json"
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
INDEX = f"""gept {__version__}

/health    whether the data is fresh (503 and the reasons where it is not)
/livez     whether the process works
/readyz    whether the database answers
/metrics   for Prometheus
"""
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""They tell caches to keep nothing, and browsers to run nothing but what a page names."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body, and what is to be said of the body."""

    body: bytes
    media_type: str = TEXT
    status: HTTPStatus = HTTPStatus.OK


class Answers:
    """What is answered on which path, by whatever server; ``paths`` has them all."""

    def __init__(
        self, health: Health, scrape: Callable[[], bytes], now: Callable[[], datetime]
    ) -> None:
        self._health = health
        self._scrape = scrape
        self._now = now
        self._read_at: datetime | None = None
        self.paths: dict[str, Callable[[], Answer]] = {
            "/": self._index,
            "/metrics": self._metrics,
            "/livez": self._livez,
            "/readyz": self._readyz,
            "/health": self._healthy,
        }

    def _index(self) -> Answer:
        return Answer(INDEX.encode())

    def _metrics(self) -> Answer:
        self._read_at = self._now()
        return Answer(self._scrape(), EXPOSITION)

    def _livez(self) -> Answer:
        return _json({"status": "ok"})

    def _readyz(self) -> Answer:
        trouble = self._health.database_trouble
        return _verdict([f"database: {trouble}"] if trouble else [])

    def _healthy(self) -> Answer:
        at, read_at = self._now(), self._read_at
        return _verdict(
            self._health.troubles(),
            warnings=self._health.warnings(),
            metrics_read_at=None if read_at is None else read_at.isoformat(),
            collectors={name: _state(each, at) for name, each in self._health.states.items()},
        )


def _json(content: Any, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    body = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Answer(body.encode(), JSON, status)


def _verdict(troubles: list[str], **more: Any) -> Answer:
    content = {"status": "unhealthy" if troubles else "ok", "reasons": troubles, **more}
    return _json(content, HTTPStatus.SERVICE_UNAVAILABLE if troubles else HTTPStatus.OK)


def _state(state: State, now: datetime) -> dict[str, Any]:
    lag = state.lag(now)
    return {
        "healthy": state.trouble(now) is None,
        "newest_good_tick": None if state.newest is None else state.newest.isoformat(),
        "lag_seconds": None if lag is None else lag.total_seconds(),
        "status": state.status,
        "error": state.error,
        "ticks_missing": state.missing,
        "schema_drift": None if state.drift is None else list(state.drift),
        "completeness": dict(state.shares),
    }
