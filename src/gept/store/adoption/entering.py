"""Adopted ticks into the ledger, a day at a time, once all rows of their table are there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import Cursor
from psycopg.sql import SQL, Identifier

from ...model import Collector
from ..queries import named
from ..subjects.ticks import declared
from .parts import Part, move

DAY = timedelta(days=1)
AGAIN = timedelta(days=7)
"""How far back adopted ticks are asked for again by themselves, where the source still answers."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


def enter(cursor: Cursor[Any], part: Part, collector: Collector, now: datetime) -> None:
    """Enter the next day of a part, or let it go on to be checked."""
    if part.oldest is None or part.newest is None or part.shape.time is None:
        return move(cursor, part, "check", None)
    day = _day(part.oldest if part.position is None else _moment(part.position))
    if day > part.newest:
        _want(cursor, collector, part.oldest, now)
        return move(cursor, part, "check", None)
    _enter_day(cursor, part, collector, day, now)
    return move(cursor, part, "enter", (day + DAY - EPOCH) // timedelta(microseconds=1))


def _enter_day(
    cursor: Cursor[Any], part: Part, collector: Collector, day: datetime, now: datetime
) -> None:
    names = {"table": Identifier(part.target), "time": Identifier(part.shape.time or "")}
    about = {
        "collector": collector.name,
        "few": collector.expect.start,
        "since": day,
        "until": day + DAY,
        "now": now,
        "again": NEVER if collector.present_only else now - AGAIN,
    }
    cursor.execute(SQL(named("adoption_enters")).format(**names), about)
    if collector.table.journal == part.target:
        cursor.execute(named("adoption_newest"), about)


def _want(cursor: Cursor[Any], collector: Collector, since: datetime, now: datetime) -> None:
    """Want what the source can still be asked for; what nobody can fill is no gap."""
    if not collector.present_only:
        about = {**declared(collector), "since": since, "until": collector.schedule.newest(now)}
        cursor.execute(named("want"), about)


def _day(moment: datetime) -> datetime:
    return EPOCH + (moment - EPOCH) // DAY * DAY


def _moment(position: int) -> datetime:
    return EPOCH + timedelta(microseconds=position)
