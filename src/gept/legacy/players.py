"""Player counts of an older collector: one a minute, the first that was read in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ..collectors.players import MOST, PlayerCount
from ..model import Row
from .duck import File, Held

SHOWN = 5
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEGINNING = datetime(2013, 1, 1, tzinfo=UTC)
"""Before the game was there."""
READ = "SELECT {time} AS moment, {count} AS players, {fetched} AS fetched FROM {table}"
POSSIBLE = "moment BETWEEN $first AND $last AND players BETWEEN 0 AND $most"
MINUTES = """
    SELECT moment // 60000000 AS minute, arg_min(players, moment),
        coalesce(arg_min(fetched, moment), min(moment)),
        count(*), count(DISTINCT players) > 1
    FROM ({read}) WHERE {possible} GROUP BY minute ORDER BY minute
"""
IMPOSSIBLE = "SELECT moment, players FROM ({read}) WHERE ({possible}) IS NOT TRUE"


@dataclass(slots=True)
class Survey:
    """What a table holds: rows, minutes, and what of it cannot be counted."""

    rows: int = 0
    minutes: int = 0
    first: datetime | None = None
    last: datetime | None = None
    several: int = 0
    impossible: int = 0
    examples: list[str] = field(default_factory=list)


def survey(file: File, held: Held, now: datetime) -> Survey:
    """Read all of a table, so that a torn file is known before anything is written."""
    found = Survey()
    for batch in file.rows(_query(IMPOSSIBLE, held), **_bounds(now)):
        found.impossible += len(batch)
        found.examples += [_written(*each) for each in batch[: SHOWN - len(found.examples)]]
    for batch in file.rows(_query(MINUTES, held), **_bounds(now)):
        found.minutes += len(batch)
        found.rows += sum(rows for *_, rows, _ in batch)
        found.several += sum(differ for *_, differ in batch)
        found.first = found.first or _minute(batch[0][0])
        found.last = _minute(batch[-1][0])
    found.rows += found.impossible
    return found


def counts(file: File, held: Held, now: datetime) -> Iterator[list[Row]]:
    """Yield the rows for ``player_counts``, oldest first, a batch at a time."""
    for batch in file.rows(_query(MINUTES, held), **_bounds(now)):
        yield [
            PlayerCount(_minute(minute), count, _moment(fetched))
            for minute, count, fetched, *_ in batch
        ]


def _query(form: str, held: Held) -> str:
    fetched = held.moment("fetched_at") if "fetched_at" in held.columns else "NULL"
    parts = {"time": held.moment("time"), "count": held.column("count"), "fetched": fetched}
    return form.format(read=READ.format(table=held.source, **parts), possible=POSSIBLE)


def _bounds(now: datetime) -> dict[str, int]:
    return {"first": _since(BEGINNING), "last": _since(now), "most": MOST}


def _since(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def _moment(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)


def _minute(number: int) -> datetime:
    return EPOCH + timedelta(minutes=number)


def _written(at: int | None, players: int | None) -> str:
    try:
        shown = "no time" if at is None else f"{_moment(at):%Y-%m-%d %H:%M:%SZ}"
    except OverflowError:
        shown = f"the time {at}"
    return f"{shown}: {'no count' if players is None else players}"
