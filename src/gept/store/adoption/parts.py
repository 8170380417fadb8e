"""How far the adoption of each old table is, as the database keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, Cursor
from psycopg.rows import class_row

from ..session import session
from .shapes import BY_NAME, SHAPES, Shape

BEGUN = "SELECT to_regclass('adoption') IS NOT NULL"
ALL = """
    SELECT source, part, target, stage, position, types, by_time, expected, rows, inserted,
        duplicates, conflicts, set_aside, checked, lost, oldest, newest
    FROM adoption
"""
ONE = f"{ALL} WHERE source = %s AND part = %s FOR UPDATE"
MOVE = """
    UPDATE adoption SET stage = %(stage)s, position = %(position)s, moved_at = now()
    WHERE source = %(source)s AND part = %(part)s
"""
ORDER = [each.old for each in SHAPES]


@dataclass(frozen=True, slots=True)
class Part:
    """An old table, or a partition of one: its stage, and what became of its rows.

    ``rows`` were read; each was inserted, the same as another, a conflict or set aside. ``lost``
    were found nowhere when all of it was read again. ``expected`` is an
    estimate of them.
    """

    source: str
    part: str
    target: str
    stage: str
    position: int | None
    types: dict[str, str]
    by_time: bool
    expected: int | None
    rows: int
    inserted: int
    duplicates: int
    conflicts: int
    set_aside: int
    checked: int
    lost: int
    oldest: datetime | None
    newest: datetime | None

    @property
    def shape(self) -> Shape:
        """What the table is."""
        return BY_NAME[self.source]

    @property
    def done(self) -> bool:
        """Whether there is nothing left to do."""
        return self.stage in {"done", "dropped"}

    @property
    def proved(self) -> bool:
        """Whether every row that it has now was found again."""
        return self.done and self.lost == 0 and self.checked == self.rows


def standing(address: str) -> list[Part]:
    """Return all parts, none where nothing was ever adopted. Raises StoreAway or StoreBroken."""
    with session(address) as connection:
        return every(connection)


def every(connection: Connection[Any]) -> list[Part]:
    """Return all parts, in the order in which they are copied."""
    if connection.execute(BEGUN).fetchone() == (False,):
        return []
    with connection.cursor(row_factory=class_row(Part)) as cursor:
        found = cursor.execute(ALL).fetchall()
    return sorted(found, key=lambda each: (ORDER.index(each.source), each.part))


def held(cursor: Cursor[Any], part: Part) -> Part:
    """Return how a part stands now, and keep others from it until the transaction ends."""
    with cursor.connection.cursor(row_factory=class_row(Part)) as asking:
        [found] = asking.execute(ONE, (part.source, part.part)).fetchall()
    return found


def move(cursor: Cursor[Any], part: Part, stage: str, position: int | None) -> None:
    """Enter where a part goes on."""
    about = {"source": part.source, "part": part.part, "stage": stage, "position": position}
    cursor.execute(MOVE, about)


def at(parts: list[Part], stage: str) -> Iterator[Part]:
    """Yield the parts that are at a stage."""
    return (each for each in parts if each.stage == stage)
