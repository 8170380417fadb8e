"""Serves an application on one or more ports from a thread of its own."""

from __future__ import annotations

import errno
import socket
from threading import Thread

import uvicorn
from starlette.types import ASGIApp

from ..errors import SettingsError

REMEDY = {
    errno.EADDRINUSE: "is taken by another program; set another port",
    errno.EACCES: "may not be used by this user; set a port above 1023",
    errno.EADDRNOTAVAIL: "is no address of this machine; set BIND_ADDRESS to one of its own",
}


class Server:
    """A web server. The ports are taken when it is made, so that a taken one is known at once."""

    def __init__(self, address: str, ports: dict[str, int]) -> None:
        self._sockets = [_listen(address, port, setting) for setting, port in ports.items()]
        self._server: uvicorn.Server | None = None
        self._thread: Thread | None = None

    def start(self, application: ASGIApp) -> None:
        """Serve from now on."""
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
        )
        server = self._server = uvicorn.Server(config)
        self._thread = Thread(
            target=lambda: server.run(sockets=self._sockets), name="web", daemon=True
        )
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it still serves."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """Stop serving, within two seconds."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(2)
        for each in self._sockets:
            each.close()


def _listen(address: str, port: int, setting: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family, backlog=128)
    except OSError as error:
        remedy = REMEDY.get(error.errno or 0, f"cannot be listened on ({error.strerror})")
        raise SettingsError([f"{setting}: {address}:{port} {remedy}"]) from None
