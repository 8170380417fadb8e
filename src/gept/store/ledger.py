"""The ledger's row of one tick: what it says, and what it is to say."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Cursor

from ..model import Collector, Counts, Status
from .queries import named
from .records import Entry, Known

MOST_ANSWERS = 500


def known(cursor: Cursor[Any], collector: Collector, tick: datetime, now: datetime) -> Known:
    """Return what the ledger says of a tick."""
    newest = collector.schedule.newest(now)
    about = {
        "collector": collector.name,
        "tick": tick,
        "before": tick - collector.schedule.interval,
        "newest": newest,
    }
    [(status, *others)] = cursor.execute(named("tick"), about).fetchall()
    return Known(Status(status) if status else None, *others)


def _answer(entry: Entry) -> dict[str, Any]:
    return {
        "collector": entry.collector,
        "tick": entry.tick,
        "asked": entry.asked,
        "error": entry.error,
        "tape": entry.tape,
        "most": MOST_ANSWERS,
    }


def record(
    cursor: Cursor[Any],
    entry: Entry,
    counts: Counts,
    committed: datetime | None,
    digest: bytes | None = None,
) -> None:
    """Enter a run of a tick, and keep its answer where it was not read whole."""
    if entry.tape is not None:
        cursor.execute(named("keep_answer"), _answer(entry))
    cursor.execute(
        named("record"),
        {
            "collector": entry.collector,
            "tick": entry.tick,
            "status": entry.status.value,
            "settled": entry.settled,
            "rows": counts.rows,
            "inserted": counts.inserted,
            "updated": counts.updated,
            "removed": counts.removed,
            "unchanged": counts.unchanged,
            "rejected": entry.counts.rejected,
            "error": entry.error,
            "asked": entry.asked,
            "committed": committed,
            "next_try": entry.next_try,
            "digest": digest,
        },
    )
