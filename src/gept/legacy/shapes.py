"""The tables of older collectors that are known, each by its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TIMES = frozenset(
    {"TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}
)
WHOLE = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"}
    | {"UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}
)
TEXT = frozenset({"VARCHAR"})
TRUTH = frozenset({"BOOLEAN"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column by the names that it may have, and the types that it may be of."""

    names: tuple[str, ...]
    types: frozenset[str]
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Shape:
    """A table that is known: what it holds, and its columns by what they are to us."""

    what: str
    columns: Mapping[str, Column]

    def match(self, there: Mapping[str, str]) -> dict[str, str] | None:
        """Return the columns of a table by what they are to us; None where it is another table.

        ``there`` are the names of its columns with their types.
        """
        found = {
            ours: next((name for name in column.names if name in there), None)
            for ours, column in self.columns.items()
        }
        lacking = [each for each in found if found[each] is None and self.columns[each].needed]
        return None if lacking else {ours: name for ours, name in found.items() if name}

    def faults(self, matched: Mapping[str, str], there: Mapping[str, str]) -> list[str]:
        """Return which of the columns are of types that cannot be read."""
        return [
            f"{name} is {there[name]}, not {' or '.join(sorted(self.columns[ours].types)[:2])}"
            for ours, name in matched.items()
            if there[name] not in self.columns[ours].types
        ]

    def __str__(self) -> str:
        names = (each.names[0] for each in self.columns.values() if each.needed)
        return f"{self.what} ({', '.join(names)})"


PLAYERS = Shape(
    "player counts",
    {
        "time": Column(("timestamp", "collected_at", "recorded_at", "time", "ts"), TIMES),
        "count": Column(("count", "player_count", "players"), WHOLE),
        "fetched_at": Column(("fetched_at",), TIMES, needed=False),
    },
)
ITEMS = Shape(
    "items",
    {
        "item_id": Column(("id", "item_id"), WHOLE),
        "name": Column(("name",), TEXT),
        "members": Column(("members",), TRUTH),
        "buy_limit": Column(("limit_ge", "limit", "buy_limit"), WHOLE),
        "cost": Column(("value", "cost"), WHOLE),
        "highalch": Column(("highalch",), WHOLE),
        "lowalch": Column(("lowalch",), WHOLE),
        "examine": Column(("examine",), TEXT),
        "icon": Column(("icon",), TEXT, needed=False),
        "time": Column(("last_updated",), TIMES),
    },
)
KNOWN = (PLAYERS, ITEMS)
