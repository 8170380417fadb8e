"""Serves an ASGI application from a thread of its own: the dashboard with its pages."""

from __future__ import annotations

from functools import partial
from threading import Thread

import uvicorn
from starlette.types import ASGIApp

from ..tls import Renewal
from .ports import Ports

LOOK = 2
"""Seconds between two looks at the files of the certificate."""


class AsgiServer:
    """A server for an application that waits, and may be waited for by many."""

    def __init__(self, ports: Ports, application: ASGIApp) -> None:
        tls = ports.tls
        self._sockets = ports.sockets
        config = uvicorn.Config(
            application,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            limit_concurrency=100,
            ssl_context_factory=None if tls is None else lambda *_: tls.context,
            callback_notify=None if tls is None else partial(_look, tls),
            timeout_notify=LOOK,
        )
        self._server = uvicorn.Server(config)
        self._thread = Thread(target=self._serve, name="web", daemon=True)

    def start(self) -> None:
        """Serve from now on."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it serves."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Stop serving, within two seconds."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(2)
        for each in self._sockets:
            each.close()

    def _serve(self) -> None:
        self._server.run(sockets=list(self._sockets))


async def _look(tls: Renewal) -> None:
    tls.look()
