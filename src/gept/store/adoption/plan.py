"""What adopting a database would do, how long and how much room it takes. It changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.errors import QueryCanceled
from psycopg.sql import SQL, Composable, Identifier, Literal

from ..queries import named
from ..room import free
from ..schema.migrate import relations
from ..session import session
from . import mapping
from .begin import obstacles
from .legacy import Old, to_adopt
from .mapping import source_of
from .parts import Part, every
from .shapes import BY_NAME, Shape

LOOKED_AT = 200_000
"""So many rows of a table without a key are looked at for repetitions: the newest, if that is soon
done, since a repetition lies anywhere in the table, but at the same time."""
ROW = 112
"""Bytes that a row of prices takes with its indexes, uncompressed."""
SPEED = 25_000
"""Rows a second, copied and checked, on a small server."""
LOOK_FOR = "SET LOCAL statement_timeout = '5s'"
REPEATED = SQL("""
    SELECT count(*), count(*) - count(DISTINCT ({key}))
    FROM (SELECT {key} FROM {old} {order} LIMIT {most}) AS looked_at
""")
NEWEST = SQL("ORDER BY {} DESC")


@dataclass(frozen=True, slots=True)
class Step:
    """One table to adopt: what it is, how many of the rows looked at repeat a key, and the cost.

    ``untold`` are columns that gept has no place for; they stay in the old table.
    """

    old: Old
    target: str
    looked_at: int
    repeated: int
    untold: list[str]
    space: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done, what hinders it, and what is not touched.

    ``free`` is the room on the disk of the server, None where it cannot be known. ``parts`` is how
    far an adoption is that was begun.
    """

    steps: list[Step]
    obstacles: list[str]
    others: list[tuple[str, int]]
    free: int | None
    parts: list[Part]

    @property
    def space(self) -> int:
        """Bytes that the new tables take beside the old ones."""
        return sum(each.space for each in self.steps)

    @property
    def seconds(self) -> float:
        """How long it takes, about."""
        return sum(each.seconds for each in self.steps)


def plan(address: str) -> Plan:
    """Return what adopting would do. Raises StoreAway or StoreBroken."""
    with session(address) as connection:
        olds = to_adopt(connection)
        known = sorted(relations() | set(BY_NAME) | {"adoption", "adopted_conflicts"})
        others = connection.execute(named("adoption_others"), {"names": known}).fetchall()
        parts = every(connection)
        steps = [_step(connection, each) for each in olds if _fits(each)]
        return Plan(steps, obstacles(connection, olds), others, free(connection), parts)


def _fits(old: Old) -> bool:
    if old.name not in BY_NAME or not old.is_table:
        return False
    return not list(mapping.faults(BY_NAME[old.name], old.types))


def _step(connection: Connection[Any], old: Old) -> Step:
    shape = BY_NAME[old.name]
    looked_at, repeated = _look_for_repeated(connection, old, shape)
    space = old.rows * ROW if shape.time is not None else old.bytes
    untold = mapping.untold(shape, old.types)
    return Step(old, shape.table, looked_at, repeated, untold, space, old.rows / SPEED)


def _look_for_repeated(connection: Connection[Any], old: Old, shape: Shape) -> tuple[int, int]:
    """Return how many rows were looked at, and how many of them repeat a key."""
    key = _key(old, shape)
    if any(set(each.split(", ")) == set(key) for each in old.keys):
        return 0, 0
    try:
        return _count_repeated(connection, old, key, NEWEST.format(Identifier(key[-1])))
    except QueryCanceled:  # no index leads to the newest, and the table is too big to be sorted
        return _count_repeated(connection, old, key, SQL(""))


def _count_repeated(
    connection: Connection[Any], old: Old, key: list[str], order: Composable
) -> tuple[int, int]:
    names = {"key": SQL(", ").join(map(Identifier, key)), "old": Identifier(old.name)}
    with connection.transaction():
        connection.execute(LOOK_FOR)
        query = REPEATED.format(**names, order=order, most=Literal(LOOKED_AT))
        [(looked_at, repeated)] = connection.execute(query).fetchall()
    return looked_at, repeated


def _key(old: Old, shape: Shape) -> list[str]:
    columns = [each for each in shape.columns if each.name in shape.key]
    return [name for each in columns if (name := source_of(each, old.types)) is not None]
