"""A way to PostgreSQL that can be broken: at the n-th message of a client, and in every way.

It listens on a Unix socket in a folder of its own, and reads the client's side of the protocol, so
that it knows where a message begins. What the server says is passed on unread.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from psycopg import conninfo

SOCKET = ".s.PGSQL.5432"
PIECE = 65_536
ENDS = (b"Q", b"S", b"c")
"""The messages that a server answers: a query, the end of a batch, the end of rows."""
END_WITHIN = 20.0


class Fault(StrEnum):
    """What becomes of the n-th message, and of its connection."""

    DROP = "the connection is cut, and the message lost"
    DROP_ANSWER = "the message arrives, and the connection is cut before its answer"
    HALF_CLOSED = "the server hears that nothing more comes, and may say what it has to say"
    DEAF = "the client hears that nothing more comes, and its messages arrive"
    DELAY = "the message arrives long after the client has given up"
    SILENCE = "this message and all later ones vanish, and nobody hears of it"


class Proxy:
    """Passes messages on, until a fault is due."""

    def __init__(self, folder: Path, target: str, *, every: bool = False) -> None:
        """``target`` is the address of a database; ``every`` counts all parts of a batch."""
        self._parts: dict[str, Any] = conninfo.conninfo_to_dict(target)
        self._folder = folder
        self._every = every
        self._fault: Fault | None = None
        self._left = 0
        self._lock = Lock()
        self._links: list[_Link] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / SOCKET))
        self._listener.listen()
        Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        """The address of the database by this way."""
        return conninfo.make_conninfo(**{**self._parts, "host": str(self._folder)})

    def arm(self, fault: Fault, number: int) -> None:
        """Let something go wrong with the n-th message from now on."""
        with self._lock:
            self._fault, self._left = fault, number

    def disarm(self) -> bool:
        """Break nothing more, and end what is broken; tell whether anything was."""
        with self._lock:
            self._fault = None
        broken = [link for link in self._links if link.fault]
        self._links = [link for link in self._links if not link.fault]
        for link in broken:
            link.end()
        return bool(broken)

    def close(self) -> None:
        """End every connection, and take no more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.disarm()
        for link in self._links:
            link.cut()

    def due(self, message: bytes) -> Fault | None:
        """Count a message; return what is to become of it, if anything is."""
        with self._lock:
            if self._fault is None or not (self._every or message.startswith(ENDS)):
                return None
            self._left -= 1
            return self._fault if self._left == 0 else None

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(Path(self._parts["host"], SOCKET)))
                self._links.append(_Link(self, client, server))


class _Link:
    """One client's connection, and ours to the server."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self.fault: Fault | None = None
        self._proxy = proxy
        self._client = client
        self._server = server
        self._answering = True
        self._released = Event()
        self._thread = Thread(target=self._pass_on, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Let what is held arrive, and wait until the server knows the end."""
        self._released.set()
        with suppress(OSError):
            self._client.shutdown(socket.SHUT_RDWR)
        self._thread.join(END_WITHIN)
        assert not self._thread.is_alive(), f"the server does not end after: {self.fault}"

    def cut(self) -> None:
        """Close both sides at once."""
        for side in (self._client, self._server):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def _pass_on(self) -> None:
        answering = Thread(target=self._answer, daemon=True)
        answering.start()
        with suppress(OSError):
            self._ask()
        answering.join()
        self._client.close()
        self._server.close()

    def _ask(self) -> None:
        """Pass on what the client says, until it has no more to say."""
        for message in _messages(self._client):
            if fault := self._proxy.due(message):
                self.fault = fault
                self._break(fault, message)
                return
            self._server.sendall(message)
        self._server.shutdown(socket.SHUT_WR)

    def _answer(self) -> None:
        """Pass on what the server says, until it has no more to say."""
        with suppress(OSError):
            for piece in _pieces(self._server):
                if self._answering:
                    self._client.sendall(piece)
            self._client.shutdown(socket.SHUT_RDWR)

    def _break(self, fault: Fault, message: bytes) -> None:
        self._answering = fault is Fault.HALF_CLOSED
        match fault:
            case Fault.DROP:
                self.cut()
            case Fault.DROP_ANSWER:
                self._server.sendall(message)
                self._client.shutdown(socket.SHUT_RDWR)
            case Fault.HALF_CLOSED:
                self._server.shutdown(socket.SHUT_WR)
                self._rest()
            case Fault.DEAF:
                self._client.shutdown(socket.SHUT_WR)
                self._server.sendall(message + self._rest())
            case Fault.DELAY:
                held = message + self._rest()
                self._released.wait()
                self._server.sendall(held)
            case Fault.SILENCE:
                self._rest()
                self._released.wait()
        self._server.shutdown(socket.SHUT_WR)

    def _rest(self) -> bytes:
        """Return all that the client still says."""
        return b"".join(_pieces(self._client))


def _pieces(side: socket.socket) -> Iterator[bytes]:
    while piece := side.recv(PIECE):
        yield piece


def _messages(client: socket.socket) -> Iterator[bytes]:
    """Yield each message; the first of a connection has no letter before its length."""
    buffer, letters = b"", 0
    for piece in _pieces(client):
        buffer += piece
        while len(buffer) >= letters + 4:
            size = letters + int.from_bytes(buffer[letters : letters + 4])
            if len(buffer) < size:
                break
            yield buffer[:size]
            buffer, letters = buffer[size:], 1
