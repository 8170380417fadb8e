"""What every port answers, whichever server it is served by, and what clients cannot do to it."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPResponse
from threading import Event, Thread
from time import monotonic

import pytest

from gept.model import Collector
from gept.observe.health import Health
from gept.store import Standing
from gept.web import Ports, Server, plain, take
from gept.web.answers import HEADERS, Answers
from gept.web.asgi import AsgiServer
from gept.web.plain import PlainServer
from gept.web.routes import application

NOW = datetime(2026, 11, 22, 12, 31, 20, tzinfo=UTC)
T = datetime(2026, 11, 22, 12, 25, tzinfo=UTC)
LONG = 20.0
PATHS = ("/", "/metrics", "/livez", "/readyz", "/health", "/livez?full", "/%6civez", "/nothing")
SILENCE = b""
HALF = b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: "
NO_END = b"GET /livez HTTP/1.1\r\n" + b"X-Long: " + b"x" * 1000 + b"\r\n"
COLLECT = """
import sys
from gept.app.following import Following
from gept.cli import collect, follow
from gept.settings import load
from gept.web import take
from pathlib import Path
from threading import Event

folder = Path(sys.argv[1])
ports = take("127.0.0.1", {"METRICS_PORT": 0})
Following(load({"DATA_DIR": str(folder)}, folder), [], ports, Event()).face()
print(*sorted(set(sys.modules) & set(sys.argv[2:])))
"""

Face = Callable[[Ports, Answers], Server]


def with_pages(ports: Ports, answers: Answers) -> Server:
    return AsgiServer(ports, application(answers))


FACES: tuple[Face, ...] = (PlainServer, with_pages)
both = pytest.mark.parametrize("face", FACES)


@pytest.fixture
def health(collectors: dict[str, Collector]) -> Health:
    health = Health([collectors["5m"]], lambda: NOW)
    health.database(None)
    health.found("5m", Standing(T, T, NOW, T, "done", None, 1, 6), 0)
    return health


@contextmanager
def served(
    face: Face,
    health: Health,
    scrape: Callable[[], bytes] = lambda: b"up 1\n",
    address: str = "127.0.0.1",
) -> Iterator[tuple[Server, int]]:
    """Give a server that serves, and its port."""
    ports = take(address, {"TEST": 0})
    server = face(ports, Answers(health, scrape, lambda: NOW))
    port = ports.sockets[0].getsockname()[1]
    server.start()
    try:
        yield server, port
    finally:
        server.stop()


def ask(
    port: int, path: str, method: str = "GET", body: bytes | None = None, host: str = "127.0.0.1"
) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection(host, port, timeout=LONG)
    with closing(connection):
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer, answer.read()


def client(port: int, sends: bytes = SILENCE) -> socket.socket:
    opened = socket.create_connection(("127.0.0.1", port), timeout=LONG)
    opened.sendall(sends)
    return opened


def rest(connection: socket.socket) -> bytes:
    """Return all that a server still sends, until it hangs up."""
    with closing(connection):
        pieces = iter(lambda: connection.recv(65_536), b"")
        return b"".join(pieces)


def raw(port: int, request: bytes) -> bytes:
    return rest(client(port, request))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_both_faces_answer_alike(health: Health, method: str) -> None:
    with ExitStack() as running:
        ports = [running.enter_context(served(face, health))[1] for face in FACES]
        for path in PATHS:
            (one, body), (other, same) = (ask(port, path, method) for port in ports)
            headers = spoken(one)
            assert (one.status, body, headers) == (other.status, same, spoken(other))
            assert "server" not in headers
            assert headers.items() >= HEADERS.items()


def spoken(answer: HTTPResponse) -> dict[str, str]:
    """Return the headers, without what is of the moment and of the connection."""
    headers = {name.lower(): value for name, value in answer.getheaders()}
    headers.pop("connection", None)
    assert headers.pop("date").endswith(" GMT")
    if "allow" in headers:
        headers["allow"] = str(sorted(headers["allow"].split(", ")))
    return headers


@both
def test_what_is_answered(face: Face, health: Health) -> None:
    with served(face, health) as (_, port):
        unread = json.loads(ask(port, "/health")[1])
        scraped, series = ask(port, "/metrics")
        read = json.loads(ask(port, "/health")[1])
        nothing, sentence = ask(port, "/nothing")
        posted, _ = ask(port, "/livez", "POST", b"x" * 1_000_000)
        headed = raw(port, b"HEAD /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert unread["metrics_read_at"] is None
    assert (scraped.status, series) == (200, b"up 1\n")
    assert scraped.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert (read["status"], read["metrics_read_at"]) == ("ok", NOW.isoformat())
    assert read["collectors"]["5m"]["newest_good_tick"] == T.isoformat()
    assert (nothing.status, sentence) == (404, b"Not Found")
    assert posted.status == 405
    assert headed.startswith(b"HTTP/1.1 200 OK\r\n")
    assert headed.partition(b"\r\n\r\n")[2] == b""
    assert b"\r\ncontent-length: 15\r\n" in headed


@both
def test_what_is_wrong_is_told_with_its_own_status(face: Face, health: Health) -> None:
    health.database("gone")
    with served(face, health) as (_, port):
        ready, reasons = ask(port, "/readyz")
        healthy, _ = ask(port, "/health")
        alive, _ = ask(port, "/livez")

    assert (ready.status, json.loads(reasons)["reasons"]) == (503, ["database: gone"])
    assert (healthy.status, alive.status) == (503, 200)


@both
def test_an_address_of_six(face: Face, health: Health) -> None:
    with served(face, health, address="::1") as (_, port):
        assert ask(port, "/livez", host="::1")[0].status == 200


@both
def test_each_of_several_ports_is_served_and_given_back(face: Face, health: Health) -> None:
    ports = take("127.0.0.1", {"ONE": 0, "OTHER": 0})
    numbers = [each.getsockname()[1] for each in ports.sockets]
    server = face(ports, Answers(health, lambda: b"", lambda: NOW))
    assert not server.alive
    server.start()
    assert server.alive
    assert [ask(each, "/livez")[0].status for each in numbers] == [200, 200]
    server.stop()

    assert not server.alive
    for each in take("127.0.0.1", {str(number): number for number in numbers}).sockets:
        each.close()


@both
def test_a_server_that_never_served_gives_its_ports_back(face: Face, health: Health) -> None:
    ports = take("127.0.0.1", {"TEST": 0})
    face(ports, Answers(health, lambda: b"", lambda: NOW)).stop()

    assert [each.fileno() for each in ports.sockets] == [-1]


@both
@pytest.mark.parametrize("sent", [SILENCE, HALF])
def test_a_silent_client_does_not_delay_the_end(face: Face, health: Health, sent: bytes) -> None:
    with served(face, health) as (server, port), closing(client(port, sent)):
        assert ask(port, "/livez")[0].status == 200
        begin = monotonic()
        server.stop()

        assert monotonic() - begin < 2
        assert not server.alive


def test_an_answer_that_hangs_does_not_delay_the_end(health: Health) -> None:
    asked, over = Event(), Event()

    def hang() -> bytes:
        asked.set()
        over.wait(LONG)
        return b""

    with served(PlainServer, health, hang) as (server, port):
        waiting = client(port, b"GET /metrics HTTP/1.1\r\n\r\n")
        assert asked.wait(LONG)
        assert ask(port, "/livez")[0].status == 200
        begin = monotonic()
        server.stop()
        assert monotonic() - begin < 2
        assert not server.alive
        assert rest(waiting) == b""
        over.set()


@pytest.mark.parametrize("sent", [SILENCE, HALF])
def test_who_says_nothing_is_cut_off(
    health: Health, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain, "LONGEST", 0.5)
    with served(PlainServer, health) as (_, port):
        slow = client(port, sent)
        assert ask(port, "/livez")[0].status == 200
        assert rest(slow) == b""


def test_who_says_a_letter_now_and_then_is_cut_off(
    health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain, "LONGEST", 0.5)
    with served(PlainServer, health) as (_, port), closing(client(port, HALF)) as slow:
        slow.settimeout(0.05)
        end = monotonic() + LONG
        while not hung_up(slow):
            assert monotonic() < end
            slow.sendall(b"x")


def hung_up(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def test_who_does_not_take_the_answer_is_cut_off(
    health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain, "LONGEST", 0.5)
    large = b"x" * 50_000_000
    with served(PlainServer, health, lambda: large) as (server, port):
        slow = client(port, b"GET /metrics HTTP/1.1\r\n\r\n")
        assert isinstance(server, PlainServer)
        visitors = server._visitors
        assert slow.recv(1) == b"H"
        end = monotonic() + LONG
        while visitors._since and monotonic() < end:
            Event().wait(0.05)
        assert len(rest(slow)) < len(large)


def test_of_too_many_the_oldest_goes(health: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "MOST", 3)
    monkeypatch.setattr(plain, "LONGEST", LONG)
    with served(PlainServer, health) as (_, port), ExitStack() as open_ones:
        oldest, *others = [client(port) for _ in range(3)]
        for each in (oldest, *others):
            open_ones.enter_context(closing(each))
        assert ask(port, "/livez")[0].status == 200
        assert rest(oldest) == b""

        for each in others:
            each.sendall(b"GET /livez HTTP/1.1\r\n\r\n")
            assert rest(each).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"hello\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/x\r\n\r\n", b"400 Bad Request"),
        (b"GET /a b HTTP/1.1\r\n\r\n", b"400 Bad Request"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"431 Request Header Fields Too Large"),
        (NO_END * 200, b"431 Request Header Fields Too Large"),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 150 + b"\r\n", b"431 Request Header Fields Too La"),
        (b"GET / HTTP/2.0\r\n\r\n", b"505 HTTP Version Not Supported"),
        (b"TRACE / HTTP/1.1\r\n\r\n", b"405 Method Not Allowed"),
        (b"GET /<script> HTTP/1.1\r\n\r\n", b"404 Not Found"),
        (b"GET /livez HTTP/1.0\r\n\r\n", b"200 OK"),
    ],
)
def test_odd_requests_are_answered_and_told_to_nobody(
    health: Health, request_: bytes, status: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with served(PlainServer, health) as (_, port):
        answer = raw(port, request_)

    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"\r\nx-content-type-options: nosniff\r\n" in answer
    assert b"<" not in answer
    assert b"ython" not in answer
    assert capfd.readouterr() == ("", "")


def test_a_large_body_that_nobody_reads_does_not_take_back_the_answer(health: Health) -> None:
    size = 20_000_000
    head = f"POST /livez HTTP/1.1\r\nContent-Length: {size}\r\n\r\n".encode()
    with served(PlainServer, health) as (_, port):
        answer = raw(port, head + b"x" * size)

    assert answer.startswith(b"HTTP/1.1 405 Method Not Allowed\r\n")


def test_a_client_that_goes_away_is_no_news(
    health: Health, capfd: pytest.CaptureFixture[str]
) -> None:
    asked, gone = Event(), Event()

    def late() -> bytes:
        asked.set()
        gone.wait(LONG)
        return b"x" * 10_000_000

    with served(PlainServer, health, late) as (server, port):
        leaving = client(port, b"GET /metrics HTTP/1.1\r\n\r\n")
        assert asked.wait(LONG)
        leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        leaving.close()
        gone.set()
        assert ask(port, "/livez")[0].status == 200
        assert server.alive

    assert capfd.readouterr() == ("", "")


def test_a_bug_of_ours_is_a_line_and_not_the_end(
    health: Health, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken() -> bytes:
        raise ZeroDivisionError

    told: list[str] = []
    monkeypatch.setattr(plain.log, "error", lambda *_, error: told.append(error), raising=False)
    with served(PlainServer, health, broken) as (_, port):
        assert ask(port, "/metrics")[0].status == 500
        assert ask(port, "/livez")[0].status == 200

    assert [each.partition("(")[0] for each in told] == ["ZeroDivisionError"]
    assert capfd.readouterr() == ("", "")


def test_many_at_once_are_all_answered(health: Health) -> None:
    answers: list[int] = []
    with served(PlainServer, health) as (_, port):
        asking = [
            Thread(target=lambda: answers.append(ask(port, "/health")[0].status)) for _ in range(50)
        ]
        for each in asking:
            each.start()
        for each in asking:
            each.join(LONG)

    assert answers == [200] * 50


def test_collecting_alone_loads_no_framework(tmp_path_factory: pytest.TempPathFactory) -> None:
    unwanted = ("starlette", "uvicorn", "gept.web.board", "gept.web.routes")
    folder = str(tmp_path_factory.mktemp("data"))

    done = subprocess.run(
        [sys.executable, "-c", COLLECT, folder, *unwanted],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "\n"
