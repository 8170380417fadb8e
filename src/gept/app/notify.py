"""Tells systemd that gept is ready, lives, and ends: the protocol of ``sd_notify``."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Event as Flag
from threading import Thread

from ..errors import SettingsError

PARTS_OF_LIMIT = 3


class Systemd:
    """The service manager that started us; without one, nothing is told."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._limit = _limit(environ)
        self._over = Flag()
        self._thread: Thread | None = None

    def ready(self, lives: Callable[[], bool]) -> None:
        """Say that we are ready; from now on say that we live, as long as that is so."""
        self.tell("READY=1")
        if self._limit is not None:
            work = (self._limit / PARTS_OF_LIMIT, lives)
            self._thread = Thread(target=self._watch, args=work, name="systemd", daemon=True)
            self._thread.start()

    def stopping(self) -> None:
        """Say that we end, and that we live no longer."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        self.tell("STOPPING=1")

    def tell(self, message: str) -> None:
        """Send one message; a manager that does not listen is not our trouble."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
        with suppress(OSError), socket.socket(socket.AF_UNIX, kind) as sender:
            sender.sendto(message.encode(), address)

    def _watch(self, every: float, lives: Callable[[], bool]) -> None:
        while lives():
            self.tell("WATCHDOG=1")
            if self._over.wait(every):
                return


def _limit(environ: Mapping[str, str]) -> float | None:
    """Return after how many seconds of silence we are taken for dead."""
    told = environ.get("WATCHDOG_USEC", "")
    if not told or environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    if not told.isdecimal() or int(told) == 0:
        raise SettingsError([f"WATCHDOG_USEC: {told!r} is no number of microseconds; unset it"])
    return int(told) / 1_000_000
