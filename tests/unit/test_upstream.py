"""The way out: polite, patient, bounded; against a server on loopback."""

from __future__ import annotations

import resource
import select
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from time import monotonic, time
from typing import Any

import httpx2
import pytest
from services import Services

from gept import upstream as module
from gept.errors import SettingsError, UpstreamBusy, UpstreamError, UpstreamRefused
from gept.events import Fetched, Retried
from gept.model import Request
from gept.settings import Settings, load
from gept.sources import CHANGES, NEWS, PRICES
from gept.upstream import Upstream, client, retry_after
from gept.upstream.client import _trust

LATEST = Request(PRICES, "/latest")
PATH = "/api/v1/osrs/latest"


EMPTY_BLOCKS = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + b"\x00\x00\x00\xff\xff" * 3
"""A gzip stream that goes on without ever holding anything."""


class Asker:
    """An upstream, and what it told."""

    def __init__(self, settings: Settings) -> None:
        self.events: list[Any] = []
        self.stop = Event()
        self.http = client(settings)
        self.upstream = Upstream(
            self.http, settings, self.events.append, self.stop, lambda: datetime.now(UTC)
        )

    def get(self, request: Request = LATEST, seconds: float = 20) -> bytes:
        return self.upstream.get(request, monotonic() + seconds).body

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def asker(settings: Settings, no_pauses: None) -> Iterator[Asker]:
    asker = Asker(settings)
    yield asker
    asker.http.close()


def test_says_who_asks(asker: Asker, upstream: Services) -> None:
    asker.get()

    [asked] = upstream.asked
    assert asked.agent.startswith("gept/")
    assert "tests@gept.example" in asked.agent
    assert asked.authorization is None


def test_the_key_goes_to_the_prices_api_only(settings: Settings, upstream: Services) -> None:
    asker = Asker(replace(settings, api_key="secret"))
    asker.get()
    asker.get(Request(NEWS))
    asker.http.close()

    assert [each.authorization for each in upstream.asked] == ["Bearer secret", None]


def test_a_key_that_its_file_changes_is_sent_from_then_on(
    settings: Settings, upstream: Services, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text("one\n")
    asker = Asker(replace(settings, api_key="one", secret_files={"api_key": file}))
    asker.get()
    for content in ("two\n", "", "caf\u00e9"):
        file.write_text(content)
        asker.get()
    file.unlink()
    asker.get()
    asker.http.close()

    sent = [each.authorization for each in upstream.asked]
    assert sent == ["Bearer one", *["Bearer two"] * 4]


def test_the_parameters_of_an_address_stay(asker: Asker, upstream: Services) -> None:
    asker.get(Request(NEWS, params={"page": 2}))

    assert upstream.paths() == ["/m=news/latest_news.rss?oldschool=true&page=2"]


@pytest.mark.parametrize("fault", ["status:500", "status:503", "status:408", "reset"])
def test_what_is_temporary_is_tried_again(fault: str, asker: Asker, upstream: Services) -> None:
    upstream.fault(PATH, fault, 2)

    assert asker.get().startswith(b'{"data"')
    assert len(asker.of(Retried)) == 2
    assert len(upstream.asked) == 3


def test_tries_have_an_end(asker: Asker, upstream: Services) -> None:
    upstream.fault(PATH, "status:503", 10)

    with pytest.raises(UpstreamBusy, match="HTTP 503"):
        asker.get()
    assert len(upstream.asked) == module.TRIES


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 304])
def test_a_refusal_is_not_tried_again(status: int, asker: Asker, upstream: Services) -> None:
    upstream.fault(PATH, f"status:{status}", 5)

    with pytest.raises(UpstreamRefused, match=str(status)):
        asker.get()
    assert len(upstream.asked) == 1


def test_retry_after_is_waited_for(settings: Settings, upstream: Services) -> None:
    asker = Asker(settings)
    upstream.fault(PATH, "status:429,1")

    asker.get()
    asker.http.close()

    [retried] = asker.of(Retried)
    assert retried.pause >= 1


def test_a_long_retry_after_ends_the_tries_and_closes_the_source(
    asker: Asker, upstream: Services
) -> None:
    upstream.fault(PATH, "status:503,600")

    with pytest.raises(UpstreamBusy) as caught:
        asker.get()
    with pytest.raises(UpstreamBusy, match="asked us to wait"):
        asker.get(Request(PRICES, "/mapping"))
    asker.get(Request(NEWS))

    assert caught.value.retry_after == 600
    assert len(upstream.asked) == 2


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0),
        ("17", 17),
        ("99999999", 3600),
        ("Sun, 22 Nov 2026 12:02:00 GMT", 120),
        ("Sun, 22 Nov 2020 12:02:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("1e999", None),
    ],
)
def test_retry_after_in_every_form(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, datetime(2026, 11, 22, 12, tzinfo=UTC)) == seconds


def test_a_bomb_is_refused_at_the_limit_and_not_in_memory(asker: Asker, upstream: Services) -> None:
    asker.get()
    upstream.fault(PATH, "bomb")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(UpstreamRefused, match="larger than"):
        asker.get()

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
    assert asker.get().startswith(b'{"data"')


def test_redirects_stay_with_the_host(asker: Asker, upstream: Services) -> None:
    upstream.fault(PATH, "redirect:/api/v1/osrs/mapping")
    assert asker.get().startswith(b"[{")

    upstream.fault(PATH, "redirect:http://localhost:1/elsewhere")
    with pytest.raises(UpstreamRefused, match="another host"):
        asker.get()


def test_redirects_have_an_end(asker: Asker, upstream: Services) -> None:
    upstream.fault(PATH, f"redirect:{PATH}", 9)

    with pytest.raises(UpstreamRefused, match="redirected more than"):
        asker.get()


def test_a_source_that_says_nothing_ends_with_the_deadline(
    asker: Asker, upstream: Services
) -> None:
    upstream.fault(PATH, "hang")
    started = monotonic()

    with pytest.raises(UpstreamError):
        asker.get(seconds=0.5)

    assert monotonic() - started < 5


@pytest.mark.parametrize("trickle", [b"X-Slow: 1\r\n", b"\r\n" + EMPTY_BLOCKS])
def test_a_trickle_of_bytes_does_not_stretch_the_deadline(
    trickle: bytes, settings: Settings, no_pauses: None
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as slow:
        serving = Thread(target=drip, args=(slow, trickle), daemon=True)
        serving.start()
        asker = Asker(replace(settings, prices_url=f"http://127.0.0.1:{slow.getsockname()[1]}"))
        started = monotonic()
        with pytest.raises(UpstreamError):
            asker.get(seconds=1.5)
        asker.http.close()

    assert monotonic() - started < 6
    serving.join(5)


def drip(listener: socket.socket, trickle: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1000000\r\n"
    connection, _ = listener.accept()
    with connection, suppress(OSError):
        connection.sendall(head)
        if trickle.startswith(b"\r\n"):
            connection.sendall(trickle)
        for _ in range(40):
            connection.sendall(trickle if trickle[:1] == b"X" else EMPTY_BLOCKS[10:15])
            select.select([connection], [], [], 0.25)


def test_being_stopped_ends_the_tries(settings: Settings, upstream: Services) -> None:
    asker = Asker(settings)
    upstream.fault(PATH, "status:503,15", 4)
    ended: list[Exception] = []

    def ask() -> None:
        try:
            asker.get(seconds=50)
        except UpstreamBusy as error:
            ended.append(error)

    thread = Thread(target=ask)
    asker.upstream._observe = lambda event: asker.stop.set() if isinstance(event, Retried) else None
    thread.start()
    thread.join(10)
    asker.http.close()

    assert ended
    assert not thread.is_alive()


def test_nobody_there_is_busy(settings: Settings, no_pauses: None) -> None:
    asker = Asker(replace(settings, prices_url="http://127.0.0.1:1/x"))

    with pytest.raises(UpstreamBusy, match="ConnectError"):
        asker.get()
    asker.http.close()


def test_each_answer_is_told_with_status_and_size(asker: Asker) -> None:
    body = asker.get(Request(CHANGES, params={"rclimit": 10, "rcend": "2026"}))

    [fetched] = asker.of(Fetched)
    assert (fetched.status, fetched.size) == (200, len(body))


@pytest.mark.parametrize("ahead", [0, 30, -30])
def test_our_clock_is_held_against_that_of_the_source(
    ahead: int, asker: Asker, upstream: Services
) -> None:
    upstream.now = lambda: time() - ahead
    upstream.fault(PATH, "status:404")
    with pytest.raises(UpstreamRefused):
        asker.get()
    asker.get()

    for fetched in asker.of(Fetched):
        assert fetched.skew == pytest.approx(ahead, abs=2)
        assert abs(fetched.skew) <= abs(ahead)


def test_who_does_not_answer_says_nothing_of_the_time(asker: Asker, upstream: Services) -> None:
    silent = replace(asker.upstream._settings, prices_url="http://127.0.0.1:1/x")
    asker.upstream._settings = silent
    with pytest.raises(UpstreamBusy):
        asker.get()

    assert {fetched.skew for fetched in asker.of(Fetched)} == {None}


def test_a_proxy_is_used_where_the_environment_names_one(
    settings: Settings, upstream: Services, monkeypatch: pytest.MonkeyPatch, no_pauses: None
) -> None:
    monkeypatch.setenv("HTTP_PROXY", upstream.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("no_proxy", "")
    asker = Asker(replace(settings, prices_url="http://prices.example/api/v1/osrs"))

    assert asker.get().startswith(b'{"data"')
    asker.http.close()

    assert upstream.paths()[0] == "http://prices.example/api/v1/osrs/latest"


@pytest.mark.parametrize("proxy", ["socks5://user:hunter2@127.0.0.1:9", "foo://127.0.0.1"])
def test_a_proxy_of_another_kind_is_refused_by_a_sentence(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)

    with pytest.raises(SettingsError, match="name an HTTP proxy") as caught:
        client(settings)

    assert "hunter2" not in str(caught.value)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Give a certificate for localhost, with its key, that nobody trusts yet."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    path = tmp_path / "server.pem"
    made = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    about = ["-addext", "subjectAltName=DNS:localhost"]
    about += ["-keyout", str(path), "-out", str(tmp_path / "c.pem")]
    subprocess.run([*made.split(), *about], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + (tmp_path / "c.pem").read_bytes())
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[str]:
    """Serve over TLS on loopback; give the address."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *about: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"https://localhost:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("trusted", [True, False])
def test_a_source_over_tls_is_believed_only_where_the_system_trusts_it(
    secure: str, certificate: Path, trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    _trust.cache_clear()
    try:
        with client(load({})) as http:
            if trusted:
                assert http.get(secure).status_code == 200
            else:
                with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                    http.get(secure)
    finally:
        _trust.cache_clear()
