"""What can go wrong, named by what to do about it.

GeptError
├── SettingsError          stop: a person must change a setting
├── UsageError             stop: the command asks for something that cannot be
├── UpstreamError          the source gave no answer
│   ├── UpstreamBusy         try again within this tick
│   └── UpstreamRefused      give this tick up: asking again now will not help
├── NotYet                 the source has not published this tick: ask again later
├── DecodeError            the answer is not what we know: refuse it, tell someone
├── TapeError              a kept answer is torn: set it aside
├── SpoolError             the spool's disk refuses: tell someone
├── ArchiveError           an archive lacks what it must hold, or refuses: tell someone
├── BackupError            a backup cannot be made, or is not whole: a person must act
└── StoreError             the database did not take the rows
    ├── StoreAway            leave the tick open: the database will be back
    ├── StoreRefused         these rows do not fit: refuse the answer, tell someone
    └── StoreBroken          a person must act: the database refuses for good
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class GeptError(Exception):
    """The root of every error that gept raises on purpose; its text is for its user."""


class SettingsError(GeptError):
    """One or more settings are missing or wrong; each fault names setting, value and remedy."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class UsageError(GeptError):
    """A command was asked for something that cannot be done."""


class UpstreamError(GeptError):
    """The source gave no usable answer."""


class UpstreamBusy(UpstreamError):
    """The source is slow, limiting us or failing: worth another try.

    ``retry_after`` is how many seconds the source asked us to wait, where it said so.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UpstreamRefused(UpstreamError):
    """The source will not answer this request however often it is made."""


class NotYet(GeptError):
    """The source has nothing for this tick yet.

    ``nothing`` tells that it said so in plain words; said for long enough, it means "never".
    """

    def __init__(self, message: str, *, nothing: bool = False) -> None:
        super().__init__(message)
        self.nothing = nothing


class DecodeError(GeptError):
    """The answer does not have the shape that the collector knows.

    ``rejected`` are the entries that cannot be rows; ``drift`` tells how the shape differs, None
    where that is not known.
    """

    def __init__(
        self, message: str, *, rejected: Sequence[Any] = (), drift: Sequence[str] | None = None
    ) -> None:
        super().__init__(message)
        self.rejected = tuple(rejected)
        self.drift = None if drift is None else tuple(drift)


class TapeError(GeptError):
    """Kept answers cannot be read."""


class SpoolError(GeptError):
    """The disk refuses to keep answers, or to give them back."""


class ArchiveError(GeptError):
    """An archive cannot be reached, or does not hold what its manifest says."""


class ArchiveAway(ArchiveError):
    """An archive cannot be reached, or refuses: of what it holds, this says nothing."""


class BackupError(GeptError):
    """A backup cannot be made, or what was made is not whole."""


class StoreError(GeptError):
    """The database did not take the rows."""


class StoreAway(StoreError):
    """The database cannot be reached, or refuses for now."""


class StoreRefused(StoreError):
    """The database refuses these rows, whenever they come: one of them does not fit.

    ``state`` is the SQLSTATE that the database gave.
    """

    def __init__(self, message: str, state: str = "") -> None:
        super().__init__(message)
        self.state = state


class StoreBroken(StoreError):
    """The database refuses for good: its schema or its rights do not fit."""
