"""Exit codes: what a script can tell from how a command ended."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from ..errors import GeptError, SettingsError, StoreError, UsageError

if TYPE_CHECKING:
    from ..model import Status


class Exit(IntEnum):
    """How a command ended."""

    OK = 0
    UNHEALTHY = 1
    USAGE = 2
    NOT_YET = 3
    PARTIAL = 4
    REFUSED = 5
    FAILED = 6
    DATABASE = 7
    INCOMPLETE = 8
    DIFFERENT = 9


def exit_of(error: GeptError) -> Exit:
    """Return the exit code for an error."""
    if isinstance(error, SettingsError | UsageError):
        return Exit.USAGE
    return Exit.DATABASE if isinstance(error, StoreError) else Exit.UNHEALTHY


def exit_for(status: Status) -> Exit:
    """Return the exit code for how a tick stands after a run."""
    return {
        "done": Exit.OK,
        "empty": Exit.OK,
        "partial": Exit.PARTIAL,
        "not_yet": Exit.NOT_YET,
        "refused": Exit.REFUSED,
        "failed": Exit.FAILED,
        "away": Exit.DATABASE,
        "spooled": Exit.DATABASE,
    }[status.value]
