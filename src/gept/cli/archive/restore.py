"""``gept archive restore``."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from ..moments import EVER, LATEST, MOMENT, written
from .found import DAY, midnight, shelf_of


@click.command("restore")
@click.argument("name")
@click.option("--since", type=MOMENT, help="The oldest day. Default: the first in the archive.")
@click.option("--until", type=MOMENT, help="Before which day to end. Default: after the last.")
@click.option("--from", "where", help="A folder, or s3://bucket/prefix. Default: GEPT_ARCHIVE.")
@click.option("--version", type=click.IntRange(1), help="An older one. Default: the newest.")
@click.option("--replace", is_flag=True, help="In place of other rows of the same days.")
def command(
    name: str,
    since: datetime | None,
    until: datetime | None,
    where: str | None,
    version: int | None,
    replace: bool,
) -> None:
    """Bring days of NAME back from an archive, with their ticks; each day whole or not at all."""
    from ... import app, settings
    from ...archive.restoring import restore
    from ...errors import UsageError
    from ...store.copying.closed import closed

    loaded = settings.load()
    shelf = shelf_of(name, where, loaded)
    begin = midnight((since or EVER) + DAY - timedelta(microseconds=1))
    end = midnight(until or LATEST)
    days = [day for day in shelf.days() if begin.date() <= day < end.date()]
    if not days:
        span = f"from {written(since) if since else 'ever'} to {written(until) if until else 'now'}"
        raise UsageError(f"{shelf.place}: has no day of {shelf.table} {span}")
    for day in days:
        shelf.version(day, version)
    count = 0
    with app.address_of(loaded) as address, closed(address) as found:
        for day in days:
            done = restore(found, shelf, day, replace=replace, version=version)
            state = f"{done.rows} rows" if done.new else "was there already"
            click.echo(f"{shelf.table} {day}: {state}")
            count += done.new
    click.echo(f"{shelf.table}: {count} days brought back, {len(days) - count} were there")
