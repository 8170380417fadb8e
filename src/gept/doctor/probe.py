"""Asks the ports of gept on this machine."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ..model import Collector
from ..settings import Settings

WAIT = 3.0
LOCAL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to ask one that listens there


@dataclass(frozen=True, slots=True)
class Answer:
    """What ``/health`` tells on one port."""

    status: int
    told: dict[str, Any]

    @property
    def reasons(self) -> list[str]:
        """Why it is not healthy."""
        return [str(each) for each in self.told.get("reasons", ())]

    @property
    def scraped_at(self) -> datetime | None:
        """When ``/metrics`` was last read."""
        at = self.told.get("metrics_read_at")
        return None if at is None else datetime.fromisoformat(at)


def answers(settings: Settings, collectors: Iterable[Collector]) -> dict[int, Answer]:
    """Return what answers on the ports of ``gept up`` and of ``gept collect``, by the port."""
    return dict(_answers(settings, collectors))


def _answers(settings: Settings, collectors: Iterable[Collector]) -> Iterator[tuple[int, Answer]]:
    ports = [settings.dashboard_port, settings.metrics_port, *(each.port for each in collectors)]
    for port in dict.fromkeys(each for each in ports if each is not None):
        with suppress(OSError, HTTPException, ValueError):
            status, body = get(settings, port, "/health")
            told = json.loads(body)
            if isinstance(told, dict) and "reasons" in told:
                yield port, Answer(status, told)


def get(
    settings: Settings, port: int, path: str, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """Return the status and the body of an answer of this machine. Raises OSError."""
    host = LOCAL.get(settings.bind_address, settings.bind_address)
    connection = HTTPConnection(host, port, timeout=WAIT)
    if settings.tls_cert_file is not None and port == settings.dashboard_port:
        connection = HTTPSConnection(host, port, timeout=WAIT, context=_of_ourselves())
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read(2**20)
    finally:
        connection.close()


def json_of(base: str, path: str) -> Any:
    """Return what a web service tells as JSON. Raises OSError, HTTPException or ValueError."""
    parts = urlsplit(base)
    if parts.scheme not in {"http", "https"} or parts.hostname is None:
        raise ValueError("that is no web address")
    made = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = made(parts.hostname, parts.port, timeout=WAIT)
    try:
        connection.request("GET", parts.path.rstrip("/") + path)
        return json.loads(connection.getresponse().read(2**24))
    finally:
        connection.close()


def without_login(url: str) -> str:
    """Return a web address without the name and password that may stand in it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _of_ourselves() -> ssl.SSLContext:
    """Return trust in our own machine, whose certificate names it by another name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
