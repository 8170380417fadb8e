"""``gept backfill``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from .exits import Exit
from .moments import MOMENT, written

if TYPE_CHECKING:
    from ..events import Finished
    from ..model import Collector


@click.command("backfill")
@click.argument("name")
@click.option("--since", type=MOMENT, required=True, help="The oldest tick.")
@click.option("--until", type=MOMENT, help="Before which tick to end. Default: the newest one.")
def command(name: str, since: datetime, until: datetime | None) -> None:
    """Fetch what is missing of a span, the newest first; what is there is not asked for again."""
    from threading import Event as Flag

    from .. import app, settings
    from ..events import tell
    from ..repair import backfill

    loaded = settings.load()
    [collector] = app.chosen([name], loaded)
    span = _span(collector, since, until, app.now())
    stop = Flag()
    app.stop_on_signals(stop)
    with app.store(loaded, stop) as store:
        store.want(collector, *span)
        runner = app.runner(loaded, store, tell(), stop)
        left = app.until_stopped(
            lambda: backfill(runner, store, collector, span, loaded.pace, stop, _tell(loaded.pace)),
            stop,
        )
    click.echo(
        f"{name}: {left or 'no'} ticks missing from {written(span[0])} to {written(span[1])}"
    )
    sys.exit(Exit.INCOMPLETE if left else Exit.OK)


def _span(
    collector: Collector, since: datetime, until: datetime | None, now: datetime
) -> tuple[datetime, datetime]:
    from ..errors import UsageError

    if collector.history is None:
        raise UsageError(
            f"{collector.name} only knows the present, so there is nothing to backfill"
        )
    schedule = collector.schedule
    end = schedule.following(schedule.newest(now))
    begin = max(schedule.ceil(since), collector.history)
    end = min(schedule.ceil(until), end) if until else end
    if until and until <= collector.history:
        raise UsageError(f"--until: {collector.name} begins with {written(collector.history)}")
    if begin >= end:
        raise UsageError(f"--since: {written(since)} leaves nothing before {written(end)}")
    return begin, end


def _tell(pace: timedelta) -> Callable[[Finished, int], None]:
    def tell(finished: Finished, left: int) -> None:
        counts = finished.counts
        time_left = timedelta(seconds=round(left * (pace.total_seconds() + finished.seconds)))
        text = f"{written(finished.tick)} {finished.status.value:<8} {counts.rows:>6} rows"
        error = f"  {finished.error}" if finished.error else ""
        click.echo(f"{text}  {left} left, {time_left}{error}", err=True)

    return tell
