"""The item list of an older collector, as it was when it was last updated."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ..collectors.items import Mapped, row
from ..model import Row
from .duck import File, Held
from .players import BEGINNING, EPOCH

SHOWN = 5
FIELDS = {
    "item_id": "id",
    "name": "name",
    "examine": "examine",
    "members": "members",
    "lowalch": "lowalch",
    "highalch": "highalch",
    "cost": "value",
    "buy_limit": "limit",
    "icon": "icon",
}
"""What the source calls a column of ours."""
READ = "SELECT {columns}, {time} AS moment FROM {table} ORDER BY moment"


@dataclass(slots=True)
class Listed:
    """The items of a table, each with the day when it was seen, and the rows that are no items."""

    items: dict[int, Row] = field(default_factory=dict)
    rows: int = 0
    impossible: int = 0
    examples: list[str] = field(default_factory=list)


def listed(file: File, held: Held, now: datetime) -> Listed:
    """Return the items of a table; of several rows of one item the newest."""
    found = Listed()
    columns = ", ".join(held.column(each) for each in FIELDS)
    query = READ.format(columns=columns, time=held.moment("time"), table=held.source)
    for batch in file.rows(query):
        found.rows += len(batch)
        for each in batch:
            _take(found, each, now)
    return found


def _take(found: Listed, values: tuple[Any, ...], now: datetime) -> None:
    *told, at = values
    try:
        item = msgspec.convert(dict(zip(FIELDS.values(), told, strict=True)), Mapped)
        found.items[item.id] = row(item, _day(at, now))
    except msgspec.ValidationError as error:
        found.impossible += 1
        if len(found.examples) < SHOWN:
            found.examples.append(f"item {told[0]}: {error}")


def _day(microseconds: int | None, now: datetime) -> datetime:
    """Return the UTC day of a moment. Raises ValidationError for one that cannot be."""
    first, last = ((at - EPOCH) // timedelta(microseconds=1) for at in (BEGINNING, now))
    if microseconds is None or not first <= microseconds <= last:
        raise msgspec.ValidationError("last_updated is no moment of the past")
    return EPOCH + timedelta(days=microseconds // 86_400_000_000)
