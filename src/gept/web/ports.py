"""The ports of a process, and what any server of them can do."""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..errors import SettingsError

if TYPE_CHECKING:
    from ..tls import Renewal

REMEDY = {
    errno.EADDRINUSE: "is taken by another program; set another port",
    errno.EACCES: "may not be used by this user; set a port above 1023",
    errno.EADDRNOTAVAIL: "is no address of this machine; set BIND_ADDRESS to one of its own",
}


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports that are taken, and the certificate that they are served with, if any."""

    sockets: tuple[socket.socket, ...]
    tls: Renewal | None = None


class Server(Protocol):
    """Serves ports from a thread of its own."""

    def start(self) -> None:
        """Serve from now on."""

    @property
    def alive(self) -> bool:
        """Whether it serves."""

    def stop(self) -> None:
        """Stop serving, within two seconds, and give the ports back."""


def take(address: str, ports: Mapping[str, int], tls: Renewal | None = None) -> Ports:
    """Take ports, each named by its setting. Raises SettingsError for one that is not to be had."""
    sockets = tuple(_listen(address, port, setting) for setting, port in ports.items())
    return Ports(sockets, tls)


def _listen(address: str, port: int, setting: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family, backlog=128)
    except OSError as error:
        remedy = REMEDY.get(error.errno or 0, f"cannot be listened on ({error.strerror})")
        raise SettingsError([f"{setting}: {address}:{port} {remedy}"]) from None
