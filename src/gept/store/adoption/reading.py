"""Old rows, a bounded piece at a time, brought into the form of gept's in a temporary table.

An ordinary table is read by its pages: that needs no index, and each row comes once. A hypertable
is read by time, through the parent, so that compressed chunks are read as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import Cursor
from psycopg.sql import SQL, Composable, Identifier, Literal

from . import mapping
from .legacy import SCHEMA
from .parts import Part
from .shapes import Shape

PAGES = 512
"""About 60,000 rows of prices, a second's work."""
ROWS = 50_000
NARROWEST, WIDEST = timedelta(minutes=1), timedelta(days=7)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BLOCKS = "SELECT pg_relation_size(%s::regclass) / current_setting('block_size')::bigint"
NEXT = SQL("SELECT min({time})::timestamptz FROM {old} WHERE {time} >= {since}")
PAGE_RANGE = SQL("old.ctid >= {}::tid AND old.ctid < {}::tid")
TIME_RANGE = SQL("old.{time} >= {since} AND old.{time} < {until}")
STAGE = SQL("""
    CREATE TEMP TABLE IF NOT EXISTS {stage} ON COMMIT DELETE ROWS
    AS SELECT {columns}, NULL::tid AS place, NULL::text AS reason, NULL::jsonb AS original
    FROM {target} WITH NO DATA
""")
FILL = SQL("""
    INSERT INTO {stage} ({columns}, place, reason, original)
    SELECT {made}, {place}, why.reason, CASE WHEN why.reason IS NOT NULL THEN to_jsonb(old) END
    FROM {only} {old} AS old
    CROSS JOIN LATERAL (SELECT {values}) AS new
    CROSS JOIN LATERAL (SELECT {reason} AS reason) AS why
    WHERE {piece}
""")


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of an old table: how they are chosen, and where what follows begins."""

    condition: Composable
    following: int


class Reader:
    """Reads a part, piece by piece, and learns how wide a piece of time may be."""

    def __init__(self, part: Part, tick: timedelta) -> None:
        self._part = part
        self._tick = tick
        self._width = timedelta(hours=1)

    def piece(self, cursor: Cursor[Any], position: int | None) -> Piece | None:
        """Return the piece that begins at a position; None where nothing is left."""
        by = self._by_time if self._part.by_time else self._by_page
        return by(cursor, position)

    def stage(self, cursor: Cursor[Any], piece: Piece) -> int:
        """Put a piece into the temporary table; return how many rows it has."""
        parts = self._names()
        cursor.execute(STAGE.format(**parts))
        found = cursor.execute(FILL.format(piece=piece.condition, **parts)).rowcount
        if self._part.by_time:
            self._adapt(found)
        return found

    def _by_page(self, cursor: Cursor[Any], position: int | None) -> Piece | None:
        first = position or 0
        name = Identifier(SCHEMA, self._part.part).as_string(cursor)
        [(blocks,)] = cursor.execute(BLOCKS, (name,)).fetchall()
        if first >= blocks:
            return None
        beyond = first + PAGES
        ends = (Literal(f"({first},0)"), Literal(f"({beyond},0)"))
        return Piece(PAGE_RANGE.format(*ends), beyond)

    def _by_time(self, cursor: Cursor[Any], position: int | None) -> Piece | None:
        time = Identifier(self._part.shape.time or "timestamp")
        old = Identifier(SCHEMA, self._part.part)
        since = SQL("'-infinity'") if position is None else Literal(_moment(position))
        [(first,)] = cursor.execute(NEXT.format(time=time, old=old, since=since)).fetchall()
        if first is None:
            return None
        until = first + self._width
        about = {"time": time, "since": Literal(first), "until": Literal(until)}
        return Piece(TIME_RANGE.format(**about), _position(until))

    def _adapt(self, found: int) -> None:
        if found > 2 * ROWS:
            self._width = max(self._width / 2, NARROWEST)
        elif found < ROWS / 2:
            self._width = min(self._width * 2, WIDEST)

    def _names(self) -> dict[str, Composable]:
        part, shape = self._part, self._part.shape
        made = dict(shape.made)
        return {
            "stage": stage_of(shape),
            "target": Identifier(shape.table),
            "columns": SQL(", ").join(map(Identifier, columns(shape))),
            "made": SQL(", ").join(
                SQL(made[name]) if name in made else Identifier("new", name)
                for name in columns(shape)
            ),
            "place": SQL("NULL" if part.by_time else "old.ctid"),
            "only": SQL("" if part.by_time else "ONLY"),
            "old": Identifier(SCHEMA, part.part),
            "values": mapping.values(shape, part.types, self._tick),
            "reason": mapping.reason(shape, part.types, self._tick),
        }


def stage_of(shape: Shape) -> Identifier:
    """Return the name of the temporary table of a shape."""
    return Identifier(f"adopting_{shape.table}")


def columns(shape: Shape) -> list[str]:
    """Return the columns that adopted rows have in gept's table."""
    own = [each.name for each in shape.columns]
    return own + [name for name, _ in shape.made if name not in own]


def _moment(position: int) -> datetime:
    return EPOCH + timedelta(microseconds=position)


def _position(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)
