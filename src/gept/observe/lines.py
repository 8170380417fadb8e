"""The forms of a line of the log: JSON for programs, words and colours for people.

Nothing that a log tells breaks out of its line, or reaches a terminal as a command to it.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

_RESET, _BOLD, _DIM = "\033[0m", "\033[1m", "\033[2m"
_RED, _GREEN, _YELLOW, _MAGENTA, _CYAN = (f"\033[{code}m" for code in (31, 32, 33, 35, 36))
_OF_LEVEL = {"INFO": _GREEN, "WARNING": _YELLOW}


class Json(logging.Formatter):
    """One JSON object a record; a value that JSON does not know is written as text."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        told = _about(record) | {
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            "timestamp": _time(record),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told, default=str)


class Console(logging.Formatter):
    """Time, level, event and what is known of it, in colours; a traceback below."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        colour = _OF_LEVEL.get(record.levelname, _RED)
        words = [
            f"{_DIM}{_time(record)}{_RESET}",
            f"[{colour}{_BOLD}{record.levelname.lower():<8}{_RESET}]",
            f"{_BOLD}{harmless(record.getMessage()):<20}{_RESET}",
            *(
                f"{_CYAN}{name}{_RESET}={_MAGENTA}{_shown(value)}{_RESET}"
                for name, value in _about(record).items()
            ),
        ]
        below = self.formatException(record.exc_info).split("\n") if record.exc_info else []
        return "\n".join([" ".join(words), *map(harmless, below)])


def _about(record: logging.LogRecord) -> dict[str, Any]:
    """Return what our log knows of an event; of what others warn, who they are."""
    about: dict[str, Any] = getattr(record, "about", {"library": record.name})
    return about


def _time(record: logging.LogRecord) -> str:
    return f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def _shown(value: object) -> str:
    """Write a value so that one sees where it ends."""
    if isinstance(value, str) and set(value) & set(" ='\""):
        return repr(value)
    return harmless(str(value))


def harmless(text: str) -> str:
    """Return a text on one line: what is not printable is written by its code."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
