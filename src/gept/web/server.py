"""Serves an application on one or more ports from a thread of its own."""

from __future__ import annotations

import errno
import socket
import ssl
from pathlib import Path
from threading import Thread

import uvicorn
from starlette.types import ASGIApp

from ..errors import SettingsError

REMEDY = {
    errno.EADDRINUSE: "is taken by another program; set another port",
    errno.EACCES: "may not be used by this user; set a port above 1023",
    errno.EADDRNOTAVAIL: "is no address of this machine; set BIND_ADDRESS to one of its own",
}


class Server:
    """A web server. The ports are taken when it is made, so that a taken one is known at once."""

    def __init__(
        self, address: str, ports: dict[str, int], tls: ssl.SSLContext | None = None
    ) -> None:
        self._tls = tls
        self._sockets = [_listen(address, port, setting) for setting, port in ports.items()]
        self._server: uvicorn.Server | None = None
        self._thread: Thread | None = None

    def start(self, application: ASGIApp) -> None:
        """Serve from now on."""
        tls = self._tls
        config = uvicorn.Config(
            application,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            limit_concurrency=100,
            ssl_context_factory=None if tls is None else lambda *_: tls,
        )
        server = self._server = uvicorn.Server(config)
        self._thread = Thread(
            target=lambda: server.run(sockets=self._sockets), name="web", daemon=True
        )
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it still serves."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """Stop serving, within two seconds."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(2)
        for each in self._sockets:
            each.close()


def _listen(address: str, port: int, setting: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family, backlog=128)
    except OSError as error:
        remedy = REMEDY.get(error.errno or 0, f"cannot be listened on ({error.strerror})")
        raise SettingsError([f"{setting}: {address}:{port} {remedy}"]) from None


def tls(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return what serves with a certificate and its key. Raises SettingsError for unfit ones."""
    _readable("TLS_CERT_FILE", certificate)
    _readable("TLS_KEY_FILE", key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=lambda: _no_password(key))
    except ssl.SSLError as error:
        raise SettingsError([_unfit(certificate, key, error)]) from None
    return context


def _readable(setting: str, file: Path) -> None:
    try:
        with file.open("rb"):
            return
    except OSError as error:
        reason = error.strerror
    remedy = "name a file that the user of gept may read"
    raise SettingsError([f"{setting}: {str(file)!r} cannot be read ({reason}); {remedy}"])


def _no_password(key: Path) -> str:
    remedy = "write it without: openssl pkey -in KEY -out NEWKEY"
    raise SettingsError([f"TLS_KEY_FILE: {str(key)!r} is locked by a password; {remedy}"])


def _unfit(certificate: Path, key: Path, error: ssl.SSLError) -> str:
    """Return the fault of a certificate or key that OpenSSL refuses."""
    if error.reason == "KEY_VALUES_MISMATCH":
        remedy = f"name the key that it was made with, or make it anew with {str(key)!r}"
        return f"TLS_CERT_FILE: {str(certificate)!r} does not fit the key of TLS_KEY_FILE; {remedy}"
    if not _holds_certificate(certificate):
        remedy = "name the certificate, in front of those that signed it"
        return f"TLS_CERT_FILE: {str(certificate)!r} is no certificate in PEM form; {remedy}"
    if b"PRIVATE KEY-----" not in key.read_bytes():
        remedy = "name the key of the certificate"
        return f"TLS_KEY_FILE: {str(key)!r} is no private key in PEM form; {remedy}"
    reason = error.reason or str(error)
    remedy = "make both anew"
    return f"TLS_CERT_FILE: {str(certificate)!r} cannot be used with its key ({reason}); {remedy}"


def _holds_certificate(file: Path) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(file)
    except ssl.SSLError:
        return False
    return True
