"""Serves with a certificate that may be renewed in place."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..errors import SettingsError
from .certified import Certified
from .expiry import end_of
from .pair import loaded

Observer = Callable[[Certified], None]


class Renewal:
    """A certificate and its key, as their files hold them now.

    Connections that are made with ``context`` get the newest pair that fits. A context that serves
    must not be loaded anew: it would serve half a pair for a moment, and for good where the new one
    does not fit. So each pair has a context of its own. Raises SettingsError for an unfit pair.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = certificate, key
        self._seen = self._stamps()
        self.context = self._newest = loaded(certificate, key)
        self.context.sni_callback = self._give_newest
        self._state = Certified(end_of(certificate))
        self._observers: tuple[Observer, ...] = ()

    @property
    def state(self) -> Certified:
        """How the certificate stands."""
        return self._state

    def tell(self, *observers: Observer) -> None:
        """Tell how the certificate stands, now and whenever that changes."""
        self._observers = observers
        self._tell()

    def look(self) -> None:
        """Take what the files hold, if that is new. To be called every few seconds."""
        seen = self._stamps()
        if seen == self._seen:
            return
        self._seen, before = seen, self._state
        try:
            found, ends = loaded(*self._files), end_of(self._files[0])
        except (SettingsError, OSError) as error:
            self._state = replace(self._state, refused=str(error))
        else:
            self._newest, self._state = found, Certified(ends)
        if self._state != before:
            self._tell()

    def _tell(self) -> None:
        for observe in self._observers:
            observe(self._state)

    def _give_newest(self, connection: ssl.SSLObject, *_: object) -> None:
        """Go on with the newest pair; called for each handshake, with a server name or without."""
        connection.context = self._newest

    def _stamps(self) -> list[tuple[int, ...] | None]:
        return [_stamp(each) for each in self._files]


def _stamp(file: Path) -> tuple[int, ...] | None:
    """Return what differs after a file, or who may read it, was changed; None where it is away."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_ctime_ns, found.st_size
