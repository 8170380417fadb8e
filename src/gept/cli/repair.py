"""``gept repair``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from .exits import Exit

if TYPE_CHECKING:
    from ..mend import Outcome


@click.command("repair")
@click.argument("name")
@click.option(
    "--item",
    "items",
    type=click.IntRange(1, 2**31 - 1),
    multiple=True,
    help="An item; may be given more than once. Default: the usual high-volume ones.",
)
@click.option("--force", is_flag=True, help="Also items whose newest row is fresh.")
def command(name: str, items: tuple[int, ...], force: bool) -> None:
    """Fetch the history of single items, item by item, where their newest row is stale."""
    from threading import Event as Flag

    from .. import app, settings
    from ..errors import UsageError

    loaded = settings.load()
    [collector] = app.chosen([name], loaded)
    if (series := collector.series) is None:
        raise UsageError(f"{name} has no history of single items; hourly has")
    wanted, stop = items or series.items, Flag()
    app.stop_on_signals(stop)
    with app.store(loaded, stop) as store:
        mender = app.mender(loaded, store, stop)
        chosen = list(wanted) if force else mender.stale(collector, series, wanted)
        work = mender.mend(collector, series, chosen)
        failed = app.until_stopped(lambda: sum(_tell(*each) for each in work), stop)
    fresh = len(wanted) - len(chosen)
    click.echo(f"{name}: {len(chosen) - failed} items mended, {failed} failed, {fresh} were fresh")
    sys.exit(Exit.INCOMPLETE if failed else Exit.OK)


def _tell(item: int, outcome: Outcome) -> bool:
    """Tell what became of an item; return whether it failed."""
    if isinstance(outcome, Exception):
        click.echo(f"item {item}: {outcome}", err=True)
        return True
    text = f"{outcome.inserted} inserted, {outcome.updated} updated, {outcome.unchanged} unchanged"
    click.echo(f"item {item}: {text}", err=True)
    return False
