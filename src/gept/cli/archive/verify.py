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
    from ...errors import ArchiveError

    loaded = settings.load()
    good = bad = 0
    for shelf in [shelf_of(name, where, loaded) for name in chosen or names(loaded)]:
        for day in shelf.days():
            try:
                shelf.verify(day)
                good += 1
            except ArchiveError as error:
                click.echo(str(error), err=True)
                bad += 1
    click.echo(f"{good} days are whole, {bad} are not")
    sys.exit(Exit.DIFFERENT if bad else Exit.OK)
