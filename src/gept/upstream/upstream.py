"""The one way out to the services: polite, patient, and never longer than its budget."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import random
from threading import Event as Flag
from threading import Lock
from time import monotonic

import httpx2

from ..errors import UpstreamBusy, UpstreamRefused
from ..events import Closed, Fetched, Observer, Retried
from ..model import Request, Response
from ..settings import Newest, Settings
from ..sources import PRICES
from . import clock
from .client import until

TRIES = 4
BUDGET = 50.0
LARGEST = 2 * 2**20
PIECE = 2**16
GZIP = 16 + zlib.MAX_WBITS
LONGEST_WAIT = 3600.0
LONGEST_PAUSE = 15.0
REDIRECTS = 3
BUSY = frozenset({408, 425, 429})
MOVED = frozenset({301, 302, 303, 307, 308})


class Upstream:
    """Makes requests, and makes them again while the source is only busy."""

    def __init__(
        self,
        client: httpx2.Client,
        settings: Settings,
        observe: Observer,
        stop: Flag,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._settings = settings
        self._newest = Newest(settings)
        self._observe = observe
        self._stop = stop
        self._now = now
        self._closed_until: dict[str, float] = {}
        self._lock = Lock()

    def get(self, request: Request, deadline: float) -> Response:
        """Return the answer to a request, or raise the UpstreamError that ended the tries.

        ``deadline`` is on the monotonic clock; no try and no pause goes beyond it.
        """
        tries = 0
        while True:
            tries += 1
            try:
                return self._get_once(request, deadline)
            except UpstreamBusy as error:
                pause = max(_backoff(tries), error.retry_after or 0.0)
                if tries == TRIES or monotonic() + pause >= deadline:
                    raise
                self._observe(Retried(request, error, pause))
                if self._told_to_stop(pause):
                    raise

    def _told_to_stop(self, pause: float) -> bool:
        """Wait some seconds, but no longer than until told to stop."""
        return self._stop.wait(pause)

    def _get_once(self, request: Request, deadline: float) -> Response:
        self._ask_leave(request)
        started, status, size, skew = monotonic(), 0, 0, None
        try:
            asked = self._now()
            with _translated(request), until(deadline), self._answer(request) as answer:
                status = answer.status_code
                skew = clock.skew(answer.headers, asked, self._now())
                self._judge(answer, request)
                body = _read(answer, request)
                size = len(body)
                return Response(request, body, self._now())
        finally:
            self._observe(Fetched(request, status, monotonic() - started, size, skew))

    def _ask_leave(self, request: Request) -> None:
        """Keep to what the source said in its last Retry-After, whichever collector asks."""
        with self._lock:
            closed = self._closed_until.get(request.source.name, 0.0) - monotonic()
        if closed > 0:
            raise UpstreamBusy(f"{request}: the source asked us to wait", retry_after=closed)

    @contextmanager
    def _answer(self, request: Request) -> Iterator[httpx2.Response]:
        base = httpx2.URL(self._settings.address_of(request.source))
        url = base.copy_with(path=base.path.rstrip("/") + request.path) if request.path else base
        url = url.copy_merge_params(dict(request.params))
        for _ in range(REDIRECTS + 1):
            with self._client.stream("GET", url, headers=self._headers(request)) as answer:
                if answer.status_code not in MOVED:
                    yield answer
                    return
                url = _same_host(url, answer, request)
        raise UpstreamRefused(f"{request}: redirected more than {REDIRECTS} times")

    def _headers(self, request: Request) -> dict[str, str]:
        if request.source is not PRICES:
            return {}
        key = self._newest().api_key
        return {"Authorization": f"Bearer {key}"} if key else {}

    def _judge(self, answer: httpx2.Response, request: Request) -> None:
        """Sort a status into an answer, a wait, or a refusal."""
        status = answer.status_code
        if status == httpx2.codes.OK:
            return
        if status not in BUSY and status < httpx2.codes.INTERNAL_SERVER_ERROR:
            raise UpstreamRefused(f"{request}: HTTP {status}")
        wait = retry_after(answer.headers.get("Retry-After"), self._now())
        if wait is not None:
            with self._lock:
                self._closed_until[request.source.name] = monotonic() + wait
            self._observe(Closed(request, wait))
        raise UpstreamBusy(f"{request}: HTTP {status}", wait)


def retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for, an hour at most."""
    if value is None:
        return None
    try:
        seconds = float(value) if value.strip().isdigit() else _until(value, now)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _until(date: str, now: datetime) -> float:
    at = parsedate_to_datetime(date)
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()


def _backoff(tries: int) -> float:
    """Return the seconds until the next try, twice as many each time; not all come at once."""
    return min(2.0 ** (tries - 1) + random(), LONGEST_PAUSE)  # noqa: S311 - no secret


@contextmanager
def _translated(request: Request) -> Iterator[None]:
    try:
        yield
    except (httpx2.DecodingError, httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        raise UpstreamRefused(f"{request}: {_said(error)}") from error
    except httpx2.HTTPError as error:
        raise UpstreamBusy(f"{request}: {_said(error)}") from error


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _read(answer: httpx2.Response, request: Request) -> bytes:
    """Return the unpacked body, gathered bit by bit so that its size does not run away."""
    body = bytearray()
    for piece in _unpacked(answer, request):
        body += piece
        if len(body) > LARGEST:
            raise UpstreamRefused(f"{request}: the answer is larger than {LARGEST} bytes")
    return bytes(body)


def _unpacked(answer: httpx2.Response, request: Request) -> Iterator[bytes]:
    """Yield the body in pieces of bounded size; the client would unpack a bomb into large ones."""
    encoding = answer.headers.get("Content-Encoding", "identity").lower()
    if encoding == "identity":
        yield from answer.iter_raw()
        return
    if encoding != "gzip":
        raise UpstreamRefused(f"{request}: the answer is packed as {encoding[:40]}, not as gzip")
    inflate = zlib.decompressobj(GZIP)
    try:
        for packed in answer.iter_raw():
            rest = packed
            while rest and not inflate.eof:
                yield inflate.decompress(rest, PIECE)
                rest = inflate.unconsumed_tail
    except zlib.error as error:
        raise UpstreamRefused(f"{request}: the answer cannot be unpacked: {error}") from error
    if not inflate.eof:
        raise UpstreamBusy(f"{request}: the answer ended early")


def _same_host(url: httpx2.URL, answer: httpx2.Response, request: Request) -> httpx2.URL:
    target = url.join(answer.headers.get("Location", ""))
    if (target.scheme, target.host, target.port) != (url.scheme, url.host, url.port):
        raise UpstreamRefused(f"{request}: redirected to another host ({target.host})")
    return target
