"""``gept redecode``."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING

import click

from .demo import refuse_nothing
from .exits import Exit
from .moments import MOMENT, written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..events import Finished

EVER = datetime.fromisoformat("2013-01-01T00:00:00Z")


@click.command("redecode")
@click.argument("names", metavar="[NAME…]", nargs=-1)
@click.option("--since", type=MOMENT, default=EVER, help="The oldest tick. Default: any.")
@click.option("--until", type=MOMENT, help="Before which tick to end. Default: now.")
def command(names: tuple[str, ...], since: datetime, until: datetime | None) -> None:
    """Read kept answers again that could not be read when they came."""
    from threading import Event as Flag

    from .. import app, settings
    from ..app import work
    from ..errors import UsageError

    loaded, stop = settings.load(), Flag()
    end = until or app.now()
    if since > end:
        raise UsageError(f"--since: {written(since)} is after {written(end)}; turn them round")
    chosen = app.chosen(names, loaded)
    refuse_nothing(loaded, demo=False)
    app.stop_on_signals(stop)
    with app.store(loaded, stop) as store:
        reading = work.redecoded(loaded, store, chosen, (since, end), stop)
        bad, read = app.until_stopped(lambda: _tell(reading), stop)
    click.echo(f"{read} answers read, {bad} still cannot be")
    sys.exit(Exit.PARTIAL if bad else Exit.OK)


def _tell(reading: Iterator[Finished]) -> tuple[int, int]:
    """Tell what became of each; return how many are still bad, and how many are not."""
    outcomes = []
    for finished in reading:
        error = f"  {finished.error}" if finished.error else ""
        click.echo(
            f"{finished.collector:<10} {written(finished.tick)} {finished.status} "
            f"{finished.counts.rows} rows{error}",
            err=True,
        )
        outcomes.append(finished.status.good)
    return outcomes.count(False), outcomes.count(True)
