"""The HTTP client: who asks, and a deadline that no trickle of bytes can stretch.

The client's own time limits begin anew with each byte that comes. So each read and write on the
wire gets no more time than is left until the deadline of the request that it is for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from ssl import SSLContext
from threading import local
from time import monotonic
from typing import Any, cast

import httpcore2
import httpx2

from .. import __version__
from ..errors import SettingsError
from ..settings import Settings

CONNECT, READ = 5.0, 15.0
PIECE = 8192
"""Bytes read at a time: unpacked they can be a thousand times as many."""

_current = local()


def agent(contact: str | None) -> str:
    """Return the User-Agent, which names the project and how to reach its operator."""
    return f"gept/{__version__} (market data collection; {contact or 'no contact given'})"


def client(settings: Settings) -> httpx2.Client:
    """Return the one keep-alive client. Raises SettingsError for a proxy of another kind."""
    made = _client(agent(settings.contact))
    for transport in (made._transport, *made._mounts.values()):  # noqa: SLF001 - no public seam
        if isinstance(transport, httpx2.HTTPTransport):
            pool: Any = transport._pool  # noqa: SLF001
            pool._network_backend = _Backend(pool._network_backend)  # noqa: SLF001
    return made


def _client(agent: str) -> httpx2.Client:
    try:
        return httpx2.Client(
            verify=cast("SSLContext", _Trust()),
            headers={"User-Agent": agent, "Accept-Encoding": "gzip"},
            timeout=httpx2.Timeout(READ, connect=CONNECT),
            limits=httpx2.Limits(max_connections=16, keepalive_expiry=90),
        )
    except (ImportError, ValueError, httpx2.InvalidURL) as error:
        remedy = "name an HTTP proxy, as http://host:port, or unset it"
        reason = str(error).partition(",")[0]
        raise SettingsError([f"HTTPS_PROXY, HTTP_PROXY or ALL_PROXY: {reason}; {remedy}"]) from None


@contextmanager
def until(deadline: float) -> Iterator[None]:
    """Let the requests of this thread end at a moment of the monotonic clock."""
    _current.deadline = deadline
    try:
        yield
    finally:
        _current.deadline = None


def _left(timeout: float | None) -> float | None:
    """Return how long a step on the wire may take; raises ReadTimeout where nothing is left."""
    deadline = getattr(_current, "deadline", None)
    if deadline is None:
        return timeout
    left: float = deadline - monotonic()
    if left <= 0:
        raise httpcore2.ReadTimeout("the answer took too long")
    return left if timeout is None else min(timeout, left)


@cache
def _trust() -> SSLContext:
    """Return trust in what the system trusts; only a process that speaks TLS has its memory."""
    return httpx2.create_ssl_context()


class _Trust:
    """Stands for that trust until a connection speaks TLS; all that is asked of it by then."""

    def set_alpn_protocols(self, protocols: list[str]) -> None:
        _trust().set_alpn_protocols(protocols)


class _Stream(httpcore2.NetworkStream):
    """A connection whose every step ends with the deadline."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(min(max_bytes, PIECE), _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        return _Stream(self._stream.start_tls(_trust(), server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore2.NetworkBackend):
    """Opens connections whose every step ends with the deadline."""

    def __init__(self, backend: httpcore2.NetworkBackend) -> None:
        self._backend = backend

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        left = _left(timeout)
        return _Stream(self._backend.connect_tcp(host, port, left, local_address, socket_options))

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)
