"""The work of converting: copy, change places; each step is a transaction of its own.

An end at any moment undoes one step at most, and the next run goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import psycopg
from psycopg import Connection, Cursor
from psycopg.sql import SQL

from ...errors import StoreAway
from ...model import Table
from ..layouts import timescale
from ..session import session, step
from .begin import PATIENCE, TAKE, begin
from .copying import ONE_STATE, advance, border, newest_note, rewrite
from .exchange import exchange
from .place import Place, stand_in_new
from .plan import to_convert
from .progress import DONE, Progress, hold, of

AT_ONCE = 40
"""So many pieces at most are copied while readers and writers wait for the tables to change."""
TRIES = 60
PAUSE = 5.0
LONG = "SET LOCAL statement_timeout = '1h'"
ANALYZE = SQL("ANALYZE {}")
CLOSE = """
    SELECT compress_chunk(format('%%I.%%I', chunk_schema, chunk_name)::regclass, TRUE)
    FROM timescaledb_information.chunks
    WHERE hypertable_schema = current_schema() AND hypertable_name = %s AND range_end = %s
      AND NOT is_compressed
"""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job:
    """What converting needs beside the database.

    What is older than ``after`` is compressed as soon as it is copied. ``pause`` waits some
    seconds, or until someone wants all of it to stop.
    """

    after: timedelta
    now: Callable[[], datetime]
    pause: Callable[[float], object]


def convert(address: str, tables: Iterable[Table], job: Job) -> Generator[Progress, None, None]:
    """Convert tables; yield how each stands after each step, committed.

    Raises UsageError where one cannot be converted, before it is touched; StoreAway, StoreRefused
    or StoreBroken; then it goes on when called again.
    """
    with session(address) as connection:
        for place, old in to_convert(connection, tables):
            begin(connection, place, old)
            yield from _convert(connection, place, job)
            timescale.lay_out(address, [place.table], job.after)


def _convert(connection: Connection[Any], place: Place, job: Job) -> Iterator[Progress]:
    yield from _copy(connection, place, job)
    with step(connection) as cursor:
        cursor.execute(LONG)
        cursor.execute(ANALYZE.format(place.new))
    for _ in range(TRIES):
        yield from _copy(connection, place, job)
        yield from _rewrite(connection, place)
        if _change_places(connection, place, job):
            break
    else:
        raise StoreAway(
            f"{place.name}: others used it without a pause, so that nothing could take its place; "
            "it is copied and goes on being so: run this again when no backup or long query runs"
        )
    yield from _standing(connection, place)


def _standing(connection: Connection[Any], place: Place) -> Iterator[Progress]:
    if (now := of(connection, place.name)) is not None:
        yield now


def _copy(connection: Connection[Any], place: Place, job: Job) -> Iterator[Progress]:
    """Copy until nothing is left but what is written meanwhile."""
    while (end := _in_one_state(connection, place, advance)) is not None:
        if border(place, end):
            _compress(connection, place, end, job.now() - job.after)
        yield from _standing(connection, place)


def _rewrite(connection: Connection[Any], place: Place) -> Iterator[Progress]:
    """Copy anew what was written until now."""
    with connection.cursor() as cursor:
        newest = newest_note(cursor, place)
    while _in_one_state(connection, place, partial(rewrite, newest=newest)):
        yield from _standing(connection, place)


def _in_one_state(
    connection: Connection[Any], place: Place, copy: Callable[[Cursor[Any], Place, Progress], T]
) -> T | None:
    """Copy a piece in a transaction that sees one state of the database, unless all is done."""
    with step(connection) as cursor:
        cursor.execute(ONE_STATE)
        now = hold(cursor, place.name)
        if now is None or now.done:
            return None
        stand_in_new(cursor)
        return copy(cursor, place, now)


def _compress(connection: Connection[Any], place: Place, end: datetime, before: datetime) -> None:
    """Compress the chunk that ends where all is copied, if it is old enough."""
    with step(connection) as cursor:
        if end <= before and timescale.look(cursor).mode is timescale.Mode.TIMESCALE:
            cursor.execute(LONG)
            stand_in_new(cursor)
            cursor.execute(CLOSE, (place.name, end))


def _change_places(connection: Connection[Any], place: Place, job: Job) -> bool:
    """Copy what is left while nobody can write, and change places; tell whether it was done."""
    try:
        with step(connection) as cursor:
            cursor.execute(PATIENCE)
            now = hold(cursor, place.name)
            if now is None or now.done:
                return True
            cursor.execute(TAKE.format(place.old))
            stand_in_new(cursor)
            if not _copy_the_last(cursor, place):
                return False
            exchange(cursor, place)
            cursor.execute(DONE, (place.name,))
    except psycopg.errors.LockNotAvailable:
        job.pause(PAUSE)
        return False
    return True


def _copy_the_last(cursor: Cursor[Any], place: Place) -> bool:
    """Copy what is left; tell whether that was little enough."""
    newest = newest_note(cursor, place)
    for _ in range(AT_ONCE):
        now = of(cursor.connection, place.name)
        if now is None:
            return True
        if not rewrite(cursor, place, now, newest) and advance(cursor, place, now) is None:
            return True
    return False
