"""``gept backfill``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from .demo import refuse_nothing
from .exits import Exit
from .moments import MOMENT, written

if TYPE_CHECKING:
    from ..jobs.backfill import Job
    from ..model import Collector
    from ..settings import Settings

Command = Callable[..., None]


def _take_rest(context: click.Context, option: click.Parameter, given: bool) -> None:
    """Take one of --pause and --resume; which, the command gets as ``rest``."""
    from ..errors import UsageError

    if given and "rest" in context.params:
        raise UsageError("--pause and --resume: one undoes the other; give one of them")
    if given:
        context.params["rest"] = option.name


def _rests(name: str, about: str) -> Callable[[Command], Command]:
    return click.option(name, is_flag=True, expose_value=False, callback=_take_rest, help=about)


@click.command("backfill")
@click.argument("name")
@click.option("--since", type=MOMENT, help="The oldest tick.")
@click.option("--until", type=MOMENT, help="Before which tick to end. Default: the newest one.")
@click.option(
    "--order",
    type=click.Choice(["newest", "oldest"]),
    default="newest",
    help="Which ticks to fetch first. Default: the newest.",
)
@click.option("--dry-run", is_flag=True, help="Tell how many requests it takes; ask nobody.")
@click.option("--reopen", is_flag=True, help="Ask again for what was closed as empty as well.")
@_rests("--pause", "Let every backfill of NAME rest.")
@_rests("--resume", "Let them go on.")
def command(
    name: str,
    since: datetime | None,
    until: datetime | None,
    order: str,
    dry_run: bool,
    reopen: bool,
    rest: str | None = None,
) -> None:
    """Fetch what is missing of a span; what is there is not asked for again."""
    from .. import app, settings
    from ..errors import UsageError
    from ..jobs.backfill import Job

    loaded = settings.load()
    [collector] = app.chosen([name], loaded)
    _refuse_present(collector)
    if rest:
        if since or until or dry_run or reopen:
            raise UsageError(f"--{rest} stands alone; give the others without it")
        return _rest(loaded, collector, rest == "pause")
    if since is None:
        raise UsageError("--since: missing; name the oldest tick, such as --since 2021-03-08")
    job = Job(collector, *_span(collector, since, until, app.now()), order == "oldest")
    if dry_run:
        return _forecast(loaded, job, reopen)
    return _run(loaded, job, reopen)


def _run(settings: Settings, job: Job, reopen: bool) -> None:
    from threading import Event as Flag

    from .. import app
    from ..events import tell
    from ..jobs.backfill import Backfill
    from .progress import Progress

    stop, collector = Flag(), job.collector
    app.stop_on_signals(stop)
    with app.lasting_store(settings, stop) as (store, keep):
        store.want(collector, job.since, job.until)
        if reopen:
            store.reopen(collector, job.since, job.until)
        runner = app.runner(settings, store, tell(), stop)
        with Progress(collector.name, settings.pace) as progress:
            work = Backfill(runner, store, app.now, settings.pace, stop, progress)
            left = app.until_stopped(lambda: work.run(job), stop, keep)
    click.echo(f"{collector.name}: {left or 'no'} ticks missing {_written(job)}")
    sys.exit(Exit.INCOMPLETE if left else Exit.OK)


def _forecast(settings: Settings, job: Job, reopen: bool) -> None:
    """Tell what a backfill would take."""
    from .. import app

    name, pace = job.collector.name, settings.pace
    refuse_nothing(settings, demo=False)
    with app.store(settings) as store:
        left = store.count_left(job.collector, job.since, job.until, reopen=reopen)
        paused = store.paused_backfills().get(name)
    length = timedelta(seconds=round(left * pace.total_seconds()))
    at_pace = f"at one every {pace.total_seconds():g} s that takes {length}"
    click.echo(f"{name}: {left} requests {_written(job)}; {at_pace}")
    if paused:
        click.echo(resting(name, paused))


def _rest(settings: Settings, collector: Collector, pause: bool) -> None:
    """Pause or resume the backfills of a collector."""
    from .. import app

    with app.store(settings) as store:
        if pause:
            store.pause_backfill(collector)
            click.echo(resting(collector.name, store.paused_backfills()[collector.name]))
        elif store.resume_backfill(collector):
            click.echo(f"{collector.name}: backfills go on")
        else:
            click.echo(f"{collector.name}: no backfill was paused")


def resting(name: str, since: datetime) -> str:
    """Return that the backfills of a collector are paused, and how to end that."""
    return (
        f"{name}: backfills are paused since {written(since)}; "
        f"`gept backfill {name} --resume` lets them go on"
    )


def _refuse_present(collector: Collector) -> None:
    from ..errors import UsageError

    if collector.history is None:
        raise UsageError(
            f"{collector.name} only knows the present, so there is nothing to backfill"
        )


def _span(
    collector: Collector, since: datetime, until: datetime | None, now: datetime
) -> tuple[datetime, datetime]:
    from ..errors import UsageError

    schedule = collector.schedule
    end = schedule.following(schedule.newest(now))
    begin = max(schedule.ceil(since), collector.history or since)
    end = min(schedule.ceil(until), end) if until else end
    if until and collector.history and until <= collector.history:
        raise UsageError(f"--until: {collector.name} begins with {written(collector.history)}")
    if begin >= end:
        raise UsageError(f"--since: {written(since)} leaves nothing before {written(end)}")
    return begin, end


def _written(job: Job) -> str:
    return f"from {written(job.since)} to {written(job.until)}"
