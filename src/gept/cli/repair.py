"""``gept repair``."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

import click

from .exits import Exit

if TYPE_CHECKING:
    from ..jobs.mend import Outcome

ENDS = ("mended", "failed", "were fresh", "have no trades")


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
    from ..app import work
    from ..errors import UsageError

    loaded = settings.load()
    [collector] = app.chosen([name], loaded)
    if (series := collector.series) is None:
        raise UsageError(f"{name} has no history of single items; hourly has")
    wanted, stop = list(dict.fromkeys(items or series.items)), Flag()
    app.stop_on_signals(stop)
    with app.store(loaded, stop) as store:
        mender = work.mender(loaded, store, stop)
        chosen = wanted if force else mender.stale(collector, series, wanted)
        mending = mender.mend(collector, series, chosen)
        became = app.until_stopped(lambda: Counter(_tell(*each) for each in mending), stop)
    became["were fresh"] = len(wanted) - len(chosen)
    click.echo(f"{name}: {', '.join(f'{became[each]} {each}' for each in ENDS)}")
    sys.exit(Exit.INCOMPLETE if became["failed"] else Exit.OK)


def _tell(item: int, outcome: Outcome) -> str:
    """Tell what became of an item, and return it in a word."""
    if isinstance(outcome, Exception):
        click.echo(f"item {item}: {outcome}", err=True)
        return "failed"
    counts, spoilt = outcome.counts, outcome.spoilt
    text = f"{counts.inserted} inserted, {counts.updated} updated, {counts.unchanged} unchanged"
    click.echo(f"item {item}: {text}{f'; {spoilt}' if spoilt else ''}", err=True)
    if counts.rows:
        return "mended"
    return "failed" if spoilt else "have no trades"
