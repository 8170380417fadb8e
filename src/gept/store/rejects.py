"""Entries of answers that could not be rows: kept with reason and payload, shown, forgotten."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from psycopg import Cursor

from ..model import Kind, Rejected
from .queries import named

LARGEST_PAYLOAD = 8192
LONGEST_ENTRY = 200
LONGEST_REASON = 1000


@dataclass(frozen=True, slots=True)
class Reject:
    """One entry that could not be a row, and how often its tick was asked for with it.

    One that was rejected for reasons of two kinds is two of them.
    """

    collector: str
    tick: datetime
    entry: str
    kind: str
    reason: str
    payload: str
    first_at: datetime
    last_at: datetime
    times: int


@dataclass(frozen=True, slots=True)
class RejectCount:
    """How many entries of a collector were rejected for one kind of reason, and when last."""

    collector: str
    kind: str
    entries: int
    times: int
    newest: datetime


@dataclass(frozen=True, slots=True)
class Search:
    """Which rejected entries are looked for; those of every kind where it names none."""

    collectors: Sequence[str]
    since: datetime
    kind: Kind | None = None

    @property
    def about(self) -> dict[str, Any]:
        """The parameters of a query."""
        kind = None if self.kind is None else self.kind.value
        return {"collectors": list(self.collectors), "since": self.since, "kind": kind}


def keep(
    cursor: Cursor[Any],
    collector: str,
    tick: datetime,
    now: datetime,
    rejected: Sequence[Rejected],
) -> None:
    """Keep entries in the caller's transaction."""
    if not rejected:
        return
    by_entry = {_entry(each.where): each for each in reversed(rejected)}
    about = {
        "collector": collector,
        "tick": tick,
        "now": now,
        "entries": [*by_entry],
        "kinds": [each.kind.value for each in by_entry.values()],
        "reasons": [_text(each.reason)[:LONGEST_REASON] for each in by_entry.values()],
        "payloads": [payload(each.value) for each in by_entry.values()],
    }
    cursor.execute(named("reject"), about)


def payload(value: Any) -> str:
    """Return a value as JSON that PostgreSQL can hold, cut to 8 KiB."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        text = f"<{type(value).__name__}>"
    return _text(text).encode()[:LARGEST_PAYLOAD].decode(errors="ignore")


def _entry(where: str) -> str:
    """Return where an entry stood, short enough for an index, and still of one entry only."""
    where = _text(where)
    if len(where) <= LONGEST_ENTRY:
        return where
    return f"{where[:LONGEST_ENTRY]}#{sha256(where.encode()).hexdigest()[:16]}"


def _text(text: str) -> str:
    """Return a text without what PostgreSQL does not hold: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "").encode(errors="replace").decode()
