"""Serves the answers by the standard library alone: a port of a collector needs no framework.

Each connection has a thread and is good for one request. Whoever is too slow, or has been there
for longest when too many come, is cut off: the thread finds the connection closed, and ends.
"""

from __future__ import annotations

import socket
import sys
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from selectors import EVENT_READ, DefaultSelector
from socketserver import TCPServer, ThreadingMixIn
from threading import Event as Flag
from threading import Lock, Thread
from time import monotonic
from typing import Any, cast
from urllib.parse import unquote

from ..observe import logs
from .answers import HEADERS, Answer, Answers
from .ports import Ports

LONGEST_HEAD = 16_384
LONGEST = 5.0
"""Seconds for a connection, from its first byte to its last."""
MOST = 100
"""Connections at once, of all ports."""
LOOK = 0.25
"""Seconds between two looks at who is too slow, and whether to stop."""
BROKEN = b"HTTP/1.1 500 Internal Server Error\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"

log = logs.get_logger()


class PlainServer:
    """Accepts on every port in one thread."""

    def __init__(self, ports: Ports, answers: Answers) -> None:
        self._visitors = _Visitors()
        self._ports = [_Port(each, answers, self._visitors) for each in ports.sockets]
        self._stop = Flag()
        self._thread = Thread(target=self._serve, name="web", daemon=True)

    def start(self) -> None:
        """Serve from now on."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it serves."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Stop serving, within two seconds; who still waits for an answer is cut off."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2)
        for each in self._ports:
            each.server_close()
        self._visitors.cut_since(monotonic())

    def _serve(self) -> None:
        with DefaultSelector() as selector:
            for each in self._ports:
                selector.register(each, EVENT_READ)
            while not self._stop.is_set():
                for key, _ in selector.select(LOOK):
                    cast("_Port", key.fileobj).handle_request()
                self._visitors.cut_since(monotonic() - LONGEST)


class _Visitors:
    """The open connections, the oldest first."""

    def __init__(self) -> None:
        self._since: dict[socket.socket, float] = {}
        self._lock = Lock()

    def enter(self, connection: socket.socket) -> None:
        """Let one in; the oldest goes where there are too many."""
        with self._lock:
            if len(self._since) >= MOST:
                self._cut(next(iter(self._since)))
            self._since[connection] = monotonic()

    def leave(self, connection: socket.socket) -> None:
        """Forget one before it is closed."""
        with self._lock:
            self._since.pop(connection, None)

    def cut_since(self, latest: float) -> None:
        """Cut off those who came at ``latest`` or before."""
        with self._lock:
            for each in [each for each, since in self._since.items() if since <= latest]:
                self._cut(each)

    def _cut(self, connection: socket.socket) -> None:
        del self._since[connection]
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


class _Port(ThreadingMixIn, TCPServer):
    """One port that is taken already."""

    daemon_threads = True
    block_on_close = False
    timeout = 0

    def __init__(self, taken: socket.socket, answers: Answers, visitors: _Visitors) -> None:
        handler = partial(_Handler, answers)
        super().__init__(taken.getsockname(), handler, bind_and_activate=False)
        self.socket.close()
        self.socket = taken
        taken.settimeout(LOOK)  # who came may have gone before being accepted
        self._visitors = visitors

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread."""
        self._visitors.enter(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Hang up."""
        self._visitors.leave(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell what is wrong with us; that a client has gone is not."""
        error = sys.exception()
        if not isinstance(error, OSError):
            log.error("an answer failed", error=repr(error))
            with suppress(OSError):
                request.sendall(BROKEN)


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"
    wbufsize = -1

    def __init__(self, answers: Answers, *accepted: Any) -> None:
        self._answers = answers
        super().__init__(*accepted)

    def handle(self) -> None:
        """Answer, say that nothing more comes, and let the client hang up first."""
        self.command, self.request_version = "", self.default_request_version
        head = self._read_head()
        if len(head) > LONGEST_HEAD:
            self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._understands(head):
            self._answer()
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_WR)
        while self.connection.recv(LONGEST_HEAD):
            pass  # closing with something unread would take back the answer

    def _read_head(self) -> bytes:
        """Return all up to the empty line, or somewhat more than may be read."""
        head = b""
        while len(head) <= LONGEST_HEAD:
            line = self.rfile.readline(LONGEST_HEAD)
            head += line
            if line in {b"", b"\n", b"\r\n"}:
                break
        return head

    def _understands(self, head: bytes) -> bool:
        """Parse; where that cannot be done, it is answered."""
        self.rfile.close()
        self.rfile = BytesIO(head)
        self.raw_requestline = self.rfile.readline()
        return self.parse_request()

    def handle_expect_100(self) -> bool:
        """Wait for no body: the answer is the same without."""
        return True

    def _answer(self) -> None:
        path = unquote(self.path.partition("?")[0]).rstrip("/") or "/"
        answer = self._answers.paths.get(path)
        if answer is None:
            self.send_error(HTTPStatus.NOT_FOUND)
        elif self.command not in {"GET", "HEAD"}:
            self.send_error(HTTPStatus.METHOD_NOT_ALLOWED)
        else:
            self._send(answer())

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer with no more than what the status means."""
        status = HTTPStatus(code)
        self._send(Answer(status.phrase.encode(), status=status))

    def _send(self, answer: Answer) -> None:
        headers = {
            "date": self.date_time_string(),
            "content-length": str(len(answer.body)),
            "content-type": answer.media_type,
            **HEADERS,
            "connection": "close",
        }
        if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["allow"] = "GET, HEAD"
        self.send_response_only(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
