"""``gept once``."""

from __future__ import annotations

import sys
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import click

from .exits import exit_for
from .moments import MOMENT, written

if TYPE_CHECKING:
    from ..events import Finished
    from ..model import Collector
    from ..store import Store


@click.command("once")
@click.argument("name")
@click.option("--at", type=MOMENT, help="The tick to run. Default: the newest one.")
@click.option(
    "--accept-removals",
    is_flag=True,
    help="Believe an answer that lacks much of what is stored: that is gone.",
)
def command(name: str, at: datetime | None, accept_removals: bool) -> None:
    """Run one tick of a collector; the exit code tells how it ended."""
    from threading import Event as Flag

    from .. import app, settings
    from ..events import tell

    loaded = settings.load()
    [collector] = app.chosen([name], loaded)
    tick = _tick(collector, at, app.now())
    if accept_removals:
        _refuse_keeping(collector)
    stop = Flag()
    app.stop_on_signals(stop)
    with app.store(loaded, stop) as store:
        _refuse_archived(store, collector, tick)
        store.want(collector, tick, collector.schedule.following(tick))
        runner = app.runner(loaded, store, tell(), stop)
        run = partial(runner.run, collector, tick, accept_removals=accept_removals)
        finished = app.until_stopped(run, stop)
    click.echo(_told(finished))
    sys.exit(exit_for(finished.status))


def _refuse_keeping(collector: Collector) -> None:
    from ..errors import UsageError
    from ..model import Vanished

    if collector.table.vanished is Vanished.KEEP:
        name = collector.name
        raise UsageError(
            f"--accept-removals: no answer of {name} takes anything away; leave it out"
        )


def _refuse_archived(store: Store, collector: Collector, tick: datetime) -> None:
    """Raise UsageError for a tick whose day is only in an archive; the source is not asked."""
    from .. import app
    from ..errors import UsageError
    from ..store import dropped

    place = store.known(collector, tick, app.now()).archived_in
    if place is not None:
        raise UsageError(f"--at: {dropped.told(collector, tick, place)}")


def _tick(collector: Collector, at: datetime | None, now: datetime) -> datetime:
    from ..errors import UsageError

    if at is None:
        return collector.schedule.newest(now)
    tick = collector.schedule.floor(at)
    if collector.history is None and tick != collector.schedule.newest(now):
        raise UsageError(
            f"--at: {collector.name} only knows the present, so {written(at)} cannot be asked for"
        )
    if tick > (newest := collector.schedule.newest(now)):
        name = collector.name
        raise UsageError(f"--at: {written(at)} is yet to come; {name} is at {written(newest)}")
    if collector.history is not None and tick < collector.history:
        raise UsageError(f"--at: {collector.name} begins with {written(collector.history)}")
    return tick


def _told(finished: Finished) -> str:
    counts = finished.counts
    text = (
        f"{finished.collector} {written(finished.tick)} {finished.status}: "
        f"{counts.inserted} inserted, {counts.updated} updated, {counts.removed} removed, "
        f"{counts.unchanged} unchanged, {counts.rejected} rejected"
    )
    drift = [f"schema drift: {each}" for each in finished.drift or ()]
    for said in (finished.error, finished.warning, *drift):
        text += f"\n{said}" if said else ""
    return text
