"""``gept archive verify``."""

from __future__ import annotations

import sys

import click

from ..exits import Exit
from .found import names, shelf_of


@click.command("verify")
@click.argument("chosen", metavar="[NAME…]", nargs=-1)
@click.option("--from", "where", help="A folder, or s3://bucket/prefix. Default: GEPT_ARCHIVE.")
def command(chosen: tuple[str, ...], where: str | None) -> None:
    """Read every day of an archive whole, and hold it against its manifest."""
    from ... import settings
    from ...errors import ArchiveAway, ArchiveError, UsageError

    loaded = settings.load()
    good = bad = 0
    shelves = [shelf_of(name, where, loaded) for name in chosen or names(loaded)]
    for shelf in shelves:
        for day in shelf.days():
            try:
                shelf.verify(day)
                good += 1
            except ArchiveAway:
                raise
            except ArchiveError as error:
                click.echo(str(error), err=True)
                bad += 1
    if not good + bad:
        raise UsageError(f"{shelves[0].place}: has no day to verify; see `gept archive list`")
    click.echo(f"{good} days are whole, {bad} are not")
    sys.exit(Exit.DIFFERENT if bad else Exit.OK)
