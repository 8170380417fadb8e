"""Which backups are no longer needed: the newest of each of some days, weeks and months stay."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from ..errors import BackupError
from .folder import UNDONE, Backup


@dataclass(frozen=True, slots=True)
class Keep:
    """Of how many days, weeks and months, in UTC, the newest backup stays; all zero: each stays."""

    daily: int = 0
    weekly: int = 0
    monthly: int = 0

    def surplus(self, backups: Iterable[Backup]) -> list[Backup]:
        """Return which backups of whole databases may go; the newest one always stays."""
        whole = [each for each in backups if each.whole]
        newest_first = sorted(whole, key=lambda each: each.manifest.created_at, reverse=True)
        if not (self.daily or self.weekly or self.monthly):
            return []
        kept = {each.folder for each in newest_first[:1]}
        for many, period in ((self.daily, _day), (self.weekly, _week), (self.monthly, _month)):
            kept |= {each.folder for each in _newest_of_each(newest_first, period)[:many]}
        return [each for each in newest_first if each.folder not in kept]


Period = Callable[[datetime], tuple[int, ...]]


def _newest_of_each(newest_first: list[Backup], period: Period) -> list[Backup]:
    found: dict[tuple[int, ...], Backup] = {}
    for each in newest_first:
        found.setdefault(period(each.manifest.created_at.astimezone(UTC)), each)
    return list(found.values())


def _day(at: datetime) -> tuple[int, ...]:
    return at.year, at.month, at.day


def _week(at: datetime) -> tuple[int, ...]:
    return tuple(at.isocalendar()[:2])


def _month(at: datetime) -> tuple[int, ...]:
    return at.year, at.month


def remove(backup: Backup) -> None:
    """Remove a backup; where that is interrupted, what is left is no backup any more."""
    gone = backup.folder.with_name(backup.folder.name + UNDONE)
    try:
        backup.folder.rename(gone)
        shutil.rmtree(gone)
    except OSError as error:
        raise BackupError(f"{backup.folder} cannot be removed ({error.strerror})") from error
