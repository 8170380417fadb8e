"""What older collectors have gathered, entered beside what gept knows: that always wins."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from psycopg import Cursor
from psycopg.types.json import Jsonb

from ..model import Collector, Row
from .commit import LOCK
from .queries import named
from .writer import Batch, Writer

FIELDS = ["name", "examine", "members", "lowalch", "highalch", "cost", "buy_limit"]
"""Of items, what a change of is worth to be known; not every older table has icons."""


@dataclass(frozen=True, slots=True)
class Entered:
    """What became of rows: how many are new, were there, and were there with another value.

    ``others`` has the moment of each of the last kind, with what is stored and what came.
    """

    inserted: int
    present: int
    others: Sequence[tuple[datetime, int, int]] = ()


def enter_counts(
    cursor: Cursor[Any], collector: Collector, rows: Sequence[Row], now: datetime
) -> Entered:
    """Enter player counts, each with its tick in the ledger, in the caller's transaction."""
    cursor.execute(LOCK, (collector.name,))
    counts = Writer(cursor, collector.table).write_late(Batch(rows, rows[0][0]), None)
    about = {"ticks": [row[0] for row in rows], "counts": [row[1] for row in rows]}
    others = cursor.execute(named("other_counts"), about).fetchall()
    cursor.execute(named("enter_history"), {**about, "collector": collector.name, "now": now})
    return Entered(counts.inserted, counts.unchanged, others)


def enter_items(cursor: Cursor[Any], items: Sequence[Row]) -> tuple[int, int]:
    """Enter items, and how they differed before; return how many items and changes are new."""
    cursor.execute(LOCK, ("items",))
    listed = [item._asdict() for item in items]  # type: ignore[attr-defined]
    about = {"items": Jsonb(listed, partial(json.dumps, default=str)), "fields": FIELDS}
    changes = cursor.execute(named("enter_item_history"), about).rowcount
    return cursor.execute(named("enter_items"), about).rowcount, changes
