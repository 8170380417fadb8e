"""What an examination finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is: a failure ends ``gept doctor`` with an exit code of its own."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how bad it is, what was seen, and what to do."""

    name: str
    level: Level
    seen: str
    remedy: str | None = None


def ok(name: str, seen: str) -> Finding:
    """Return that something is well."""
    return Finding(name, Level.OK, seen)


def warning(name: str, seen: str, remedy: str) -> Finding:
    """Return that somebody should look at something."""
    return Finding(name, Level.WARNING, seen, remedy)


def failure(name: str, seen: str, remedy: str) -> Finding:
    """Return that something does not work, or will not for long."""
    return Finding(name, Level.FAILURE, seen, remedy)
