"""What converting a table would do, how long and how much room it takes. It changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.sql import Identifier

from ...model import Table
from ..adoption.legacy import Old, here, look
from ..layouts import timescale
from ..layouts.timescale import Mode
from ..queries import named
from ..room import free
from ..session import session
from .place import NEW, OLD, Place
from .progress import Progress, every

SPEED = 60_000
"""Rows a second, copied, compared and compressed, on a small server."""
COMPRESSED = 10
"""By how much compressing makes a table smaller, cautiously."""
THERE = "SELECT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass(%s))"


@dataclass(frozen=True, slots=True)
class Step:
    """One table to convert, and what it costs: bytes beside the old one, and seconds."""

    place: Place
    old: Old
    space: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done, what hinders it, and what was begun or done before.

    ``free`` is the room on the disk of the server, None where it cannot be known.
    """

    steps: list[Step]
    obstacles: list[str]
    free: int | None
    begun: list[Progress]

    @property
    def space(self) -> int:
        """Bytes that are needed beside the old tables, which stay until they are dropped."""
        return sum(each.space for each in self.steps)

    @property
    def seconds(self) -> float:
        """How long it takes, about."""
        return sum(each.seconds for each in self.steps)


def plan(address: str, tables: Iterable[Table], before: datetime) -> Plan:
    """Return what converting would do; what ends before a moment is compressed at once.

    Raises StoreAway or StoreBroken.
    """
    with session(address) as connection:
        found = to_convert(connection, tables)
        obstacles = [wrong for place, old in found for wrong in hinders(connection, place, old)]
        steps = [_step(connection, place, old, before) for place, old in found]
        return Plan(steps, obstacles, free(connection), every(connection))


def to_convert(connection: Connection[Any], tables: Iterable[Table]) -> list[tuple[Place, Old]]:
    """Return the tables that are there and are no hypertables."""
    schema = here(connection)
    places = {place.name: place for place in (Place(each, schema) for each in tables)}
    olds = {each.name: each for each in look(connection, schema, places)}
    found = [(place, olds[name]) for name, place in places.items() if name in olds]
    return [(place, old) for place, old in found if not old.hypertable]


def hinders(connection: Connection[Any], place: Place, old: Old) -> list[str]:
    """Return why a table cannot be converted, each with its remedy."""
    with connection.cursor() as cursor:
        extension = timescale.look(cursor)
    if extension.mode is Mode.NATIVE:
        return [f"{place.name}: {extension.why}"]
    if not old.is_table or not old.ours:
        return [f"{place.name}: {timescale.NOT_OURS.replace('migrate', 'convert')}"]
    about = {"table": place.old.as_string(connection)}
    held = [each for (each,) in connection.execute(named("conversion_hinders"), about)]
    wrong = [
        f"{place.name}: {each} holds on to it; drop that, and make it anew afterwards"
        for each in held
    ]
    return wrong + _in_the_way(connection, place)


def _in_the_way(connection: Connection[Any], place: Place) -> list[str]:
    """Tell of tables that have the names that a conversion needs, but are none of it."""
    if any(each.name == place.name for each in every(connection)):
        return []
    names = [Identifier(each, place.name).as_string(connection) for each in (NEW, OLD)]
    return [
        f"{name}: it is there already; rename it"
        for name in names
        if connection.execute(THERE, (name,)).fetchone() == (True,)
    ]


def _step(connection: Connection[Any], place: Place, old: Old, before: datetime) -> Step:
    with connection.cursor() as cursor:
        compresses = timescale.look(cursor).mode is Mode.TIMESCALE
    space = old.bytes
    if compresses and old.kind == "p":
        space = _space(connection, place, before)
    return Step(place, old, space, (old.rows or 0) / SPEED)


def _space(connection: Connection[Any], place: Place, before: datetime) -> int:
    """Return the bytes of what is compressed soon, of what is not yet, and of one in between."""
    end = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)
    about = {"table": place.name, "before": end}
    parts: list[tuple[str, datetime, datetime, int]] = connection.execute(
        named("aged_partitions"), about
    ).fetchall()
    closed = [size for _, _, high, size in parts if high <= before]
    opened = [size for _, _, high, size in parts if high > before]
    return sum(closed) // COMPRESSED + sum(opened) + max(closed, default=0)
