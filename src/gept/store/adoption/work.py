"""The work of adopting: copy, enter, check; each step a transaction that also says how far it is.

An end at any moment undoes one step at most, and the next run goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, Cursor
from psycopg.sql import SQL, Identifier

from ...model import Collector
from ..session import session, step
from .entering import enter
from .merging import Merged, Merger
from .parts import Part, at, every, held, move
from .reading import Reader

COPIED = """
    UPDATE adoption SET position = %(following)s, moved_at = now(), rows = rows + %(rows)s,
        inserted = inserted + %(inserted)s, duplicates = duplicates + %(duplicates)s,
        conflicts = conflicts + %(conflicts)s, set_aside = set_aside + %(set_aside)s,
        oldest = least(oldest, %(low)s), newest = greatest(newest, %(high)s)
    WHERE source = %(source)s AND part = %(part)s
"""
CHECKED = """
    UPDATE adoption SET position = %(following)s, moved_at = now(),
        checked = checked + %(rows)s, lost = lost + %(lost)s
    WHERE source = %(source)s AND part = %(part)s
"""
LONG = "SET LOCAL statement_timeout = '1h'"
ANALYZE = SQL("ANALYZE {}")
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Job:
    """What adopting needs beside the database: the collectors of the tables, and a clock."""

    collectors: Mapping[str, Collector]
    now: Clock


def work(address: str, job: Job) -> Iterator[Part]:
    """Adopt what was moved aside; yield how a part stands after each step, committed.

    Raises StoreAway, StoreRefused or StoreBroken; then it goes on when called again.
    """
    with session(address) as connection:
        for stage, run in (("copy", _copy), ("enter", _enter), ("check", _check)):
            for part in at(every(connection), stage):
                yield from run(connection, part, job)
        _analyze(connection, {each.target for each in every(connection)})


def _analyze(connection: Connection[Any], tables: set[str]) -> None:
    """Let the planner know what the tables hold now: nothing else tells it of partitions."""
    for each in sorted(tables):
        with step(connection) as cursor:
            cursor.execute(LONG)
            cursor.execute(ANALYZE.format(Identifier(each)))


def _copy(connection: Connection[Any], part: Part, job: Job) -> Iterator[Part]:
    collector = job.collectors[part.shape.collector]
    reader = Reader(part, collector.schedule.interval)
    merger = Merger(part, collector)
    for cursor, now in _steps(connection, part, "copy"):
        piece = reader.piece(cursor, now.position)
        if piece is None:
            move(cursor, part, "enter", None)
        else:
            merged = merger.merge(cursor, reader.stage(cursor, piece))
            _record(cursor, part, piece.following, merged)
        yield held(cursor, part)


def _record(cursor: Cursor[Any], part: Part, following: int, merged: Merged) -> None:
    about = {**asdict(merged), "duplicates": merged.duplicates, "following": following}
    cursor.execute(COPIED, {**about, "source": part.source, "part": part.part})


def _enter(connection: Connection[Any], part: Part, job: Job) -> Iterator[Part]:
    collector = job.collectors[part.shape.collector]
    for cursor, now in _steps(connection, part, "enter"):
        enter(cursor, now, collector, job.now())
        yield held(cursor, part)


def _check(connection: Connection[Any], part: Part, job: Job) -> Iterator[Part]:
    """Read all of it once more, and count what is found nowhere."""
    collector = job.collectors[part.shape.collector]
    reader = Reader(part, collector.schedule.interval)
    merger = Merger(part, collector)
    for cursor, now in _steps(connection, part, "check"):
        piece = reader.piece(cursor, now.position)
        if piece is None:
            move(cursor, part, "done", None)
        else:
            rows = reader.stage(cursor, piece)
            about = {"rows": rows, "lost": merger.lost(cursor), "following": piece.following}
            cursor.execute(CHECKED, {**about, "source": part.source, "part": part.part})
        yield held(cursor, part)


def _steps(
    connection: Connection[Any], part: Part, stage: str
) -> Iterator[tuple[Cursor[Any], Part]]:
    """Yield a transaction and how the part stands in it, as long as it is at a stage."""
    while True:
        with step(connection) as cursor:
            now = held(cursor, part)
            if now.stage != stage:
                return
            yield cursor, now
