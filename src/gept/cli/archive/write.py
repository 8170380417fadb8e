"""``gept archive write``."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

import click

from ..db.found import database
from ..exits import Exit
from ..layout import readable
from ..moments import EVER, MOMENT, written
from .found import DAY, midnight, shelf_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...archive.shelf import Shelf
    from ...archive.writing import Told
    from ...model import Collector
    from ...settings import Settings
    from ...store.copying.closed import Closed

PRECIOUS = "price_data_5min"


@click.command("write")
@click.argument("name")
@click.option("--since", type=MOMENT, help="The oldest day. Default: the first that is there.")
@click.option("--until", type=MOMENT, help="Before which day to end. Default: today.")
@click.option("--older-than", "age", help="Only days that ended so long ago, such as 90d.")
@click.option("--to", "where", help="A folder, or s3://bucket/prefix. Default: GEPT_ARCHIVE.")
@click.option("--gaps", is_flag=True, help="Take days with minutes that are missing for good.")
@click.option("--accept", is_flag=True, help="Take days of which rows were lost before as well.")
@click.option("--check", is_flag=True, help="Compare the rows of days archived before as well.")
@click.option("--drop", is_flag=True, help="Then drop what is archived; shows it first.")
@click.option("--yes", is_flag=True, help="With --drop: do it.")
@click.option("--force", is_flag=True, help=f"With --drop: allow it for {PRECIOUS}, too.")
def command(
    name: str,
    since: datetime | None,
    until: datetime | None,
    age: str | None,
    where: str | None,
    **flags: bool,
) -> None:
    """Write closed, complete UTC days of NAME, a collector or its table, to Parquet files."""
    from ... import app, settings
    from ...archive.writing import Archive, Terms
    from ...store.copying.closed import closed

    loaded, now = settings.load(), app.now()
    shelf = shelf_of(name, where, loaded)
    _refuse_senseless(shelf.collector, flags)
    span = _span(since, until, _length(age), now)
    if flags["drop"]:
        _refuse_drop(shelf, span[1], loaded, now, force=flags["force"])
    with database(loaded) as found, closed(found.needed) as days:
        terms = Terms(flags["gaps"], flags["accept"], flags["check"] or flags["drop"])
        lost = _tell(shelf, Archive(days, shelf, now, terms).write(*span))
        if flags["drop"]:
            _drop(days, shelf, span, yes=flags["yes"])
    sys.exit(Exit.DIFFERENT if lost else Exit.OK)


def _tell(shelf: Shelf, told: Iterator[Told]) -> bool:
    """Tell of each day, of those that are left a range at a time; return whether rows are gone."""
    from ...archive.writing import Outcome

    written_now, lost = 0, False
    for (outcome, why), group in groupby(told, key=lambda each: (each.outcome, each.why)):
        lost = lost or outcome is Outcome.LOST
        if outcome in {Outcome.LEFT, Outcome.LOST, Outcome.SAME}:
            click.echo(_range(shelf.table, list(group), why or outcome))
            continue
        for each in group:
            size = f"{each.rows} rows, {readable(each.bytes)}"
            gone = f", {each.lacking} rows too few" if each.lacking else ""
            click.echo(f"{shelf.table} {each.day}: {outcome}: {size}{gone}")
            written_now += 1
    click.echo(f"{shelf.table}: {written_now} days written to {shelf.place}")
    return lost


def _range(table: str, days: list[Told], why: str) -> str:
    span = str(days[0].day) if len(days) == 1 else f"{days[0].day} to {days[-1].day}"
    return f"{table} {span}: {'left: ' if days[0].why else ''}{why}"


def _drop(days: Closed, shelf: Shelf, span: tuple[datetime, datetime], *, yes: bool) -> None:
    """Drop the parts of a table that the archive holds whole; without ``yes`` only show them."""
    from ...archive.dropping import Dropping

    dropping = Dropping(days, shelf)
    size = count = 0
    for part, why in dropping.parts(*span):
        line = f"{written(part.low)} to {written(part.high)} {readable(part.bytes)}"
        if why:
            click.echo(f"  stays: {line}: {why}")
            continue
        if yes:
            dropping.drop(part)
        click.echo(f"  {'dropped' if yes else 'would be dropped'}: {line}")
        size, count = size + part.bytes, count + 1
    done = "dropped" if yes else "would be dropped"
    click.echo(f"{shelf.table}: {count} parts {done}, {readable(size)}")
    if count and not yes:
        click.echo("nothing was dropped; add --yes to drop it")


def _span(
    since: datetime | None, until: datetime | None, age: timedelta, now: datetime
) -> tuple[datetime, datetime]:
    from ...errors import UsageError

    begin = midnight((since or EVER) + DAY - timedelta(microseconds=1))
    end = min(midnight(until) if until else midnight(now), midnight(now - age))
    if begin >= end:
        raise UsageError(f"--since: {written(begin)} leaves no whole day before {written(end)}")
    return begin, end


def _length(age: str | None) -> timedelta:
    from ...errors import UsageError
    from ...settings.readers import Wrong, duration

    try:
        return duration(age) if age else timedelta(0)
    except Wrong as error:
        raise UsageError(f"--older-than: {age!r} {error}") from error


def _refuse_senseless(collector: Collector, flags: dict[str, bool]) -> None:
    """Refuse what has no meaning for a collector, or alone. Raises UsageError."""
    from ...errors import UsageError
    from ...model import Vanished

    name = collector.name
    if flags["gaps"] and not collector.present_only:
        raise UsageError(
            f"--gaps: what is missing of {name} is not missing for good; fetch it by "
            f"`gept backfill {name} --since …`, and leave --gaps out"
        )
    if flags["accept"] and collector.table.vanished is not Vanished.DELETE:
        raise UsageError(
            f"--accept: of {name} nobody knows how many rows a tick must have; leave it out"
        )
    for flag in ("yes", "force"):
        if flags[flag] and not flags["drop"]:
            raise UsageError(f"--{flag}: has no meaning without --drop; add that, or leave it out")


def _refuse_drop(
    shelf: Shelf, until: datetime, loaded: Settings, now: datetime, *, force: bool
) -> None:
    """Refuse to drop what must stay. Raises UsageError."""
    from ...errors import UsageError

    least = loaded.horizon + timedelta(days=7)
    if until > now - least:
        raise UsageError(
            f"--drop: days of the last {least.days} days stay, since gaps in them are still "
            f"repaired; add --older-than {least.days + 1}d or more"
        )
    if shelf.table == PRECIOUS and not force:
        raise UsageError(
            f"--drop: {PRECIOUS} is what models are trained on; add --force if it shall be in the "
            "archive only"
        )
