"""Staged rows into gept's table: each is inserted, the same as another, a conflict or set aside.

What gept has read itself stands. Among old rows of one key the last written wins; where the storage
does not tell which that is, the one with the greater values. Whatever loses is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg import Cursor
from psycopg.sql import SQL, Composable, Identifier

from ...model import Collector
from ..commit import LOCK
from ..layouts import plain, timescale
from .mapping import filled
from .parts import Part
from .reading import columns, stage_of

BOUNDS = "SELECT min({time}), max({time}) FROM {stage} WHERE reason IS NULL"
WIDTHS = """
    SELECT DISTINCT date_bin(%(width)s, {time}, '1970-01-01Z') FROM {stage} WHERE reason IS NULL
"""
LAST = """(
    SELECT DISTINCT ON ({key}) * FROM {stage} WHERE reason IS NULL
    ORDER BY {key}, place DESC NULLS LAST, {greatest}) AS fresh
"""
INSERT = """
    INSERT INTO {target} ({columns}) SELECT {columns} FROM {last}
    WHERE NOT EXISTS (SELECT FROM {target} AS stored WHERE {same_key}) AND NOT {own}
    ON CONFLICT ({key}) DO NOTHING
"""
DISPLACED = """
    FROM {last} JOIN {target} AS stored ON {same_key} WHERE NOT {equal} AND NOT {own}
"""
ANY_DISPLACED = "SELECT EXISTS (SELECT {displaced})"
KEEP_DISPLACED = """
    INSERT INTO adopted_conflicts (source, reason, content)
    SELECT %(source)s, 'conflict', {stored_row} {displaced}
"""
DISPLACE = """
    UPDATE {target} AS stored SET ({filled}) = ROW ({fresh_filled}) FROM {last}
    WHERE {same_key} AND NOT {equal} AND NOT {own}
"""
KEEP_LOSERS = """
    INSERT INTO adopted_conflicts (source, reason, content)
    SELECT %(source)s, CASE WHEN {own} THEN 'gept_read_it' ELSE 'conflict' END, {fresh_row}
    FROM {stage} AS fresh LEFT JOIN {target} AS stored ON {same_key}
    WHERE fresh.reason IS NULL AND ({no_stored} OR NOT {equal})
"""
KEEP_UNFIT = """
    INSERT INTO adopted_conflicts (source, reason, content)
    SELECT %(source)s, reason, original FROM {stage} WHERE reason IS NOT NULL
"""
LOST = """
    SELECT count(*) FROM {stage} AS fresh LEFT JOIN {target} AS stored ON {same_key}
    WHERE (fresh.reason IS NOT NULL OR {no_stored} OR {changed}) AND NOT {own}
      AND NOT EXISTS (SELECT FROM adopted_conflicts AS kept
                      WHERE kept.content = coalesce(fresh.original, {fresh_row}))
"""
OWN = """EXISTS (
    SELECT FROM ledger
    WHERE collector = %(collector)s AND tick = {tick} AND tick BETWEEN %(low)s AND %(high)s
      AND committed_at IS NOT NULL AND (attempts > 0 OR rebuilt))
"""


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of the rows of a piece."""

    rows: int
    inserted: int
    conflicts: int
    set_aside: int
    low: datetime | None = None
    high: datetime | None = None

    @property
    def duplicates(self) -> int:
        """How many were the same as another."""
        return self.rows - self.inserted - self.conflicts - self.set_aside


class Merger:
    """Merges staged pieces of one part. Each method runs in the caller's transaction."""

    def __init__(self, part: Part, collector: Collector) -> None:
        self._shape = part.shape
        self._collector = collector
        self._names = _names(part)
        self._about: dict[str, Any] = {"source": part.source, "collector": collector.name}

    def merge(self, cursor: Cursor[Any], rows: int) -> Merged:
        """Merge what is staged; nobody else writes to the table meanwhile."""
        cursor.execute(LOCK, (self._collector.name,))
        low, high = self._bound(cursor)
        closed = self._lay_out(cursor, low, high)
        inserted = self._run(cursor, INSERT).rowcount
        if inserted == rows:
            return Merged(rows, inserted, 0, 0, low, high)
        conflicts = self._displace(cursor, closed) + self._run(cursor, KEEP_LOSERS).rowcount
        aside = self._run(cursor, KEEP_UNFIT).rowcount
        return Merged(rows, inserted, conflicts, aside, low, high)

    def lost(self, cursor: Cursor[Any]) -> int:
        """Return how many staged rows are neither in gept's table nor among what is kept."""
        self._bound(cursor)
        [(lost,)] = self._run(cursor, LOST).fetchall()
        return int(lost)

    def _run(self, cursor: Cursor[Any], text: LiteralString) -> Cursor[Any]:
        return cursor.execute(SQL(text).format(**self._names), self._about)

    def _bound(self, cursor: Cursor[Any]) -> tuple[datetime | None, datetime | None]:
        """Find the times of what is staged, so that only their partitions are looked at."""
        if self._shape.time is None:
            return None, None
        [(low, high)] = self._run(cursor, BOUNDS).fetchall()
        self._about |= {"low": low, "high": high}
        return low, high

    def _lay_out(
        self, cursor: Cursor[Any], low: datetime | None, high: datetime | None
    ) -> list[str]:
        """Make room for the rows; return the compressed chunks that they go to."""
        width = self._collector.table.partition
        if width is None or low is None or high is None:
            return []
        self._about["width"] = width
        for (start,) in self._run(cursor, WIDTHS).fetchall():
            if not plain.ensure(cursor, self._shape.table, width, start, start):
                return timescale.compressed(cursor, self._shape.table, low, high)
        return []

    def _displace(self, cursor: Cursor[Any], closed: list[str]) -> int:
        """Let a later old row take the place of an earlier one, which is kept."""
        if self._shape.time is None:
            return 0
        [(any_displaced,)] = self._run(cursor, ANY_DISPLACED).fetchall()
        if not any_displaced:
            return 0
        timescale.decompress(cursor, closed)
        kept = self._run(cursor, KEEP_DISPLACED).rowcount
        self._run(cursor, DISPLACE)
        return kept


def _names(part: Part) -> dict[str, Composable]:
    """Return what the statements are made of."""
    shape = part.shape
    rest = filled(shape, part.types)
    told = [each.name for each in shape.columns]
    compared = [*shape.key, *rest]
    equal = SQL("(ROW ({}) IS NOT DISTINCT FROM ROW ({}))")
    names: dict[str, Composable] = {
        "stage": stage_of(shape),
        "target": Identifier(shape.table),
        "time": Identifier(shape.time or "?"),
        "columns": _listed(columns(shape)),
        "key": _listed(shape.key),
        "filled": _listed(rest),
        "fresh_filled": _listed(rest, "fresh"),
        "greatest": SQL(", ").join(
            SQL("{} DESC NULLS LAST").format(Identifier(name)) for name in rest
        ),
        "stored_row": _row(told, "stored"),
        "fresh_row": _row(told, "fresh"),
        "no_stored": SQL("{} IS NULL").format(Identifier("stored", shape.key[0])),
        "same_key": _same_key(part),
        "equal": equal.format(_listed(compared, "stored"), _listed(compared, "fresh")),
    }
    names |= _of_ticks(part, names["equal"])
    names["last"] = SQL(LAST).format(**names)
    names["displaced"] = SQL(DISPLACED).format(**names)
    return names


def _of_ticks(part: Part, equal: Composable) -> dict[str, Composable]:
    """Return what differs for rows that belong to no tick: these may change at any time."""
    time = part.shape.time
    if time is None:
        return {"own": SQL("false"), "changed": SQL("false")}
    own = SQL(OWN).format(tick=Identifier("fresh", time))
    return {"own": own, "changed": SQL("NOT {}").format(equal)}


def _same_key(part: Part) -> Composable:
    shape = part.shape
    same = [
        SQL("{} = {}").format(Identifier("stored", name), Identifier("fresh", name))
        for name in shape.key
    ]
    if shape.time is not None:
        time = Identifier("stored", shape.time)
        same.append(SQL("{} BETWEEN %(low)s AND %(high)s").format(time))
    return SQL(" AND ").join(same)


def _row(names: Sequence[str], of: str) -> Composable:
    """Return a row of some columns as JSON."""
    return SQL("(SELECT to_jsonb(told) FROM (SELECT {}) AS told)").format(_listed(names, of))


def _listed(names: Sequence[str], prefix: str | None = None) -> Composable:
    return SQL(", ").join(Identifier(prefix, n) if prefix else Identifier(n) for n in names)
