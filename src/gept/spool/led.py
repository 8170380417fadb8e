"""Which collectors this installation led last: on disk, for a start while nobody can be asked.

A file each, empty where the lead went to another. Whoever leads holds a lock of it, which ends with
the process, so that of several processes of one installation one goes on.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

MARK = b"led\n"


class Led:
    """The leads that this installation has won, and not lost to another since.

    An orderly end gives none of them up: what follows is mostly the next start. A disk that refuses
    costs what a start without the database would collect, and nothing else.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, int] = {}

    def leads(self, collector: str) -> bool:
        """Tell whether a collector was led last from here, and no other process here leads it."""
        if collector in self._held:
            return True
        descriptor = self._locked(collector)
        if descriptor is None:
            return False
        if os.fstat(descriptor).st_size == 0:
            os.close(descriptor)
            return False
        self._held[collector] = descriptor
        return True

    def note(self, collector: str, leads: bool) -> None:
        """Take notice of who leads a collector, as the database tells."""
        if leads and collector not in self._held:
            self._win(collector)
        elif not leads and self.leads(collector):
            with suppress(OSError):
                os.truncate(self._held[collector], 0)
            os.close(self._held.pop(collector))

    def _win(self, collector: str) -> None:
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self._folder / collector).touch(mode=0o600)
            if (descriptor := self._locked(collector)) is not None:
                self._held[collector] = descriptor
                os.pwrite(descriptor, MARK, 0)

    def _locked(self, collector: str) -> int | None:
        """Open and lock a file; None where it is not there, or another process holds it."""
        try:
            descriptor = os.open(self._folder / collector, os.O_RDWR)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return None
        return descriptor
