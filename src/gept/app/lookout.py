"""Looks after the backups that other processes make; in a thread of its own, since disks hang."""

from __future__ import annotations

from pathlib import Path
from threading import Event as Flag

from ..backup.folder import Backup, listed
from ..errors import BackupError
from ..observe import logs
from ..observe.health import Health, Saved

EVERY = 60.0

log = logs.get_logger()


class Lookout:
    """Lets health know how the backups in a folder stand."""

    def __init__(self, folder: Path, health: Health) -> None:
        self._folder = folder
        self._health = health
        self._trouble: str | None = None

    def follow(self, stop: Flag) -> None:
        """Look once a minute, until told to stop."""
        self.look()
        while not stop.wait(EVERY):
            self.look()

    def look(self) -> None:
        """Look once. A folder that cannot be read leaves known what was known: it grows old."""
        try:
            found, faults = listed(self._folder)
        except BackupError as error:
            if str(error) != self._trouble:
                log.warning("the backups cannot be read", error=str(error))
            self._trouble = str(error)
            return
        self._trouble = None
        self._health.backups(_summary(found, len(faults)))


def _summary(found: list[Backup], unreadable: int) -> Saved:
    sound = [each for each in found if each.whole and each.sound]
    verdicts = [each.verdict.at for each in sound if each.verdict is not None]
    faulty = sum(not each.sound for each in found) + unreadable
    newest = max((each.manifest.created_at for each in sound), default=None)
    return Saved(newest, max(verdicts, default=None), faulty)
