"""How big tables stand: how large, how laid out, how well compressed, and what sees to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import class_row

from ..faults import translated
from ..queries import named
from .timescale import Extension, Mode, look


@dataclass(frozen=True, slots=True)
class Size:
    """One table: ``rows`` is an estimate, ``bytes`` is exact, with indexes and parts.

    ``before`` and ``after`` are the bytes of what is compressed.
    """

    name: str
    kind: str
    rows: int | None
    bytes: int
    parts: int
    closed: int = 0
    before: int = 0
    after: int = 0

    @property
    def bytes_a_row(self) -> float | None:
        """Bytes on disk for each row; an estimate, too."""
        return round(self.bytes / self.rows, 1) if self.rows else None

    @property
    def compressed_share(self) -> float:
        """How much of the data is compressed, by the size that it had before."""
        whole = self.bytes - self.after + self.before
        return round(self.before / whole, 4) if self.before else 0.0

    @property
    def ratio(self) -> float | None:
        """By how much what is compressed became smaller."""
        return round(self.before / self.after, 1) if self.after else None


@dataclass(frozen=True, slots=True)
class Policy:
    """A job of TimescaleDB for one table; ``overdue`` tells that no worker takes it."""

    name: str
    what: str
    after: timedelta
    last_at: datetime | None
    last_status: str | None
    next_at: datetime | None
    failures: int
    overdue: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """A run of a policy that failed."""

    name: str
    what: str
    at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class State:
    """The mode with its reason, the tables, the policies, and what went wrong."""

    extension: Extension
    sizes: tuple[Size, ...]
    policies: tuple[Policy, ...] = ()
    failures: tuple[Failure, ...] = ()


def state(address: str) -> State:
    """Return how the tables stand. Raises StoreAway or StoreBroken."""
    try:
        with psycopg.connect(
            address, autocommit=True, connect_timeout=5, prepare_threshold=None
        ) as connection:
            return _state(connection)
    except psycopg.Error as error:
        raise translated(error) from error


def _state(connection: Connection[Any]) -> State:
    with connection.cursor() as cursor:
        extension = look(cursor)
    if extension.mode is Mode.NATIVE:
        return State(extension, _sizes(connection, ()))
    hypertables = _hypertables(connection, extension.mode)
    sizes = (*hypertables, *_sizes(connection, hypertables))
    with connection.cursor(row_factory=class_row(Policy)) as cursor:
        policies = cursor.execute(named("policies")).fetchall()
    with connection.cursor(row_factory=class_row(Failure)) as failing:
        failures = failing.execute(named("job_errors")).fetchall()
    return State(extension, sizes, tuple(policies), tuple(failures))


def _sizes(connection: Connection[Any], hypertables: tuple[Size, ...]) -> tuple[Size, ...]:
    about = {"hypertables": [each.name for each in hypertables]}
    with connection.cursor(row_factory=class_row(Size)) as cursor:
        return tuple(cursor.execute(named("layout_sizes"), about))


def _hypertables(connection: Connection[Any], mode: Mode) -> tuple[Size, ...]:
    with connection.cursor(row_factory=class_row(Size)) as cursor:
        sizes = cursor.execute(named("hypertable_sizes"), {"schema": None}).fetchall()
    if mode is not Mode.TIMESCALE:
        return tuple(sizes)
    gains = {
        name: {"before": before, "after": after}
        for name, before, after in connection.execute(named("compression_gains"))
    }
    return tuple(replace(each, **gains.get(each.name, {})) for each in sizes)
