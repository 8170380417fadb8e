"""What the web ports answer. Everything comes from memory: no answer waits for the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from .. import __version__
from ..observe.health import Health, State

EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
INDEX = f"""gept {__version__}

/health    whether the data is fresh (503 and the reasons where it is not)
/livez     whether the process works
/readyz    whether the database answers
/metrics   for Prometheus
"""
HEADERS = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]


def application(
    health: Health,
    scrape: Callable[[], bytes],
    now: Callable[[], datetime],
    pages: Sequence[Route] = (),
) -> Starlette:
    """Return the web application; ``pages`` go before its own."""
    read_at: list[datetime] = []

    async def index(_: Request) -> Response:
        return PlainTextResponse(INDEX)

    async def metrics(_: Request) -> Response:
        read_at[:] = [now()]
        return Response(scrape(), media_type=EXPOSITION)

    async def livez(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        trouble = health.database_trouble
        return _verdict([f"database: {trouble}"] if trouble else [])

    async def healthy(_: Request) -> Response:
        at = now()
        states = {name: _state(state, at) for name, state in health.states.items()}
        more = {"metrics_read_at": read_at[0].isoformat() if read_at else None}
        return _verdict(health.troubles(), warnings=health.warnings(), **more, collectors=states)

    routes = {
        "/": index,
        "/metrics": metrics,
        "/livez": livez,
        "/readyz": readyz,
        "/health": healthy,
    }
    return Starlette(
        routes=[*pages, *(Route(path, answer) for path, answer in routes.items())],
        middleware=[Middleware(_Headers)],
    )


def _verdict(troubles: list[str], **more: Any) -> Response:
    status = "unhealthy" if troubles else "ok"
    content = {"status": status, "reasons": troubles, **more}
    return JSONResponse(content, status_code=503 if troubles else 200)


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


class _Headers:
    """Tells caches to keep nothing, and browsers to run nothing but what a page names."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message["headers"] += [each for each in HEADERS if each[0] not in given]
            await send(message)

        await self._app(scope, receive, send_with_headers)
