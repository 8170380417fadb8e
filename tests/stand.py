"""A dashboard on loopback that tells what a test wants."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from threading import Event, Thread
from typing import Any, Self
from uuid import UUID

from gept.errors import UpstreamRefused
from gept.events import Finished
from gept.model import Collector, Status
from gept.observe.health import Health
from gept.store import Gap, Process, Size, Standing
from gept.tls import Renewal
from gept.web import take
from gept.web.answers import Answers
from gept.web.board import Board, Reading
from gept.web.dashboard import server

NOW = datetime(2026, 11, 22, 12, 31, 20, tzinfo=UTC)
T = datetime(2026, 11, 22, 12, 25, tzinfo=UTC)
TOKEN = "a token of some length"


def reading(said: str = "quiet") -> Reading:
    """Return what a database might say; ``said`` is what a source or a host could put into it."""
    process = Process(
        UUID(int=1), said, 7, "0.1.0", NOW - timedelta(hours=3), NOW, ["5m", "items"], ["5m"], {}, 2
    )
    sizes = [Size("price_data_5min", True, 426_431_785, 6_442_450_944), Size("items", False, 0, 0)]
    gap = Gap(T - timedelta(hours=2), T - timedelta(hours=1), 12, "failed", said)
    return Reading({each.name: each for each in sizes}, [process], {"5m": [gap]}, {"5m": NOW})


@dataclass
class Stand:
    """Serves a dashboard; ``reads`` counts how often its database was read."""

    collectors: Iterable[Collector]
    token: str | None = None
    tls: Renewal | None = None
    reading: Reading = field(default_factory=reading)
    now: datetime = NOW
    reads: int = 0

    def __post_init__(self) -> None:
        self.health = Health(self.collectors, lambda: self.now)
        self.health.database(None)
        if self.tls is not None:
            self.tls.tell(self.health.certificate)
        for each in self.collectors:
            newest = each.schedule.newest(NOW)
            self.health.found(
                each.name, Standing(newest, newest, NOW, newest, "done", None, 1, 6), 0, {"24h": 1}
            )
        self.board = Board(self.health, lambda: self.now)
        self._stop = Event()
        self._reader = Thread(target=self.board.follow, args=(self.read, self._stop), daemon=True)

    def __enter__(self) -> Self:
        ports = take("127.0.0.1", {"TEST": 0}, self.tls)
        self.port = ports.sockets[0].getsockname()[1]
        answers = Answers(self.health, lambda: b"", lambda: self.now)
        self._server = server(ports, answers, self.board, lambda: self.token)
        self._server.start()
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._server.stop()
        self._reader.join()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def read(self) -> Reading:
        """Stand in for the database."""
        self.reads += 1
        return self.reading

    def fails(self, name: str, error: str) -> None:
        """Let the newest tick of a collector fail."""
        self.health(Finished(name, T, Status.FAILED, error=UpstreamRefused(error)))

    def get(
        self, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, Message, bytes]:
        """Return status, headers and body of an answer; redirects are not followed."""
        request = urllib.request.Request(f"{self.url}{path}", body, headers)  # noqa: S310 - our own
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        trust = urllib.request.HTTPSHandler(context=context)
        try:
            with urllib.request.build_opener(_Stay, trust).open(request, timeout=10) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def status(self) -> Any:
        """Return what ``/api/status`` tells."""
        return json.loads(self.get("/api/status")[2])


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""
