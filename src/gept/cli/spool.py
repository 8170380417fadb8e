"""``gept spool``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from .demo import refuse_nothing
from .exits import Exit
from .moments import in_json, written

if TYPE_CHECKING:
    from threading import Event as Flag

    from ..jobs.drain import Drain
    from ..spool.spool import Spool, Waiting


@click.group("spool")
def command() -> None:
    """Look after the answers that wait on disk for the database."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def list_(as_json: bool) -> None:
    """List what waits, the oldest first, and what was moved aside."""
    spool = _spool()
    waiting, aside = spool.waiting(), spool.aside()
    if as_json:
        told = [_told(each) for each in waiting]
        click.echo(json.dumps({"waiting": told, "aside": aside}, indent=2))
        return
    for each in waiting:
        click.echo(f"{each.collector:<10} {written(each.tick)} {each.size:>10} bytes")
    for name in aside:
        click.echo(f"aside: {name}")
    total = sum(each.size for each in waiting)
    click.echo(f"{len(waiting)} answers wait, {total} bytes in {spool.folder}")


@command.command("verify")
def verify() -> None:
    """Read every file; move aside what is torn or named for another answer, and say so."""
    spool = _spool()
    found = spool.waiting()
    torn = [each.name for each in found if spool.read(each) is None]
    for name in torn:
        click.echo(f"{name}: no answer of its name; moved to {spool.folder / 'aside'}", err=True)
    aside = len(spool.aside())
    click.echo(f"{len(found) - len(torn)} answers are whole, {aside} files are set aside")
    sys.exit(Exit.PARTIAL if aside else Exit.OK)


@command.command("drain")
def drain() -> None:
    """Store what waits, now. A running `gept up` does so by itself."""
    from threading import Event as Flag

    from .. import app, settings
    from ..app import work

    loaded, stop = settings.load(), Flag()
    refuse_nothing(loaded, demo=False)
    app.stop_on_signals(stop)
    with app.store(loaded, stop) as store:
        draining = work.drain(loaded, store, stop)
        left = app.until_stopped(lambda: _drain(draining, stop), stop)
    sys.exit(Exit.INCOMPLETE if left else Exit.OK)


def _drain(draining: Drain, stop: Flag) -> int:
    """Store what waits, tell of each, and return how many stay."""
    stored = 0
    for finished in draining.drain():
        stored += 1
        error = f"  {finished.error}" if finished.error else ""
        click.echo(f"{finished.collector:<10} {written(finished.tick)} {finished.status}{error}")
        if stop.is_set():
            break
    left = len(draining.spool.waiting())
    click.echo(f"{stored} answers read, {left} still wait")
    return left


def _told(waiting: Waiting) -> dict[str, object]:
    tick = in_json(waiting.tick)
    return {"collector": waiting.collector, "tick": tick, "bytes": waiting.size}


def _spool() -> Spool:
    from .. import app, settings
    from ..observe import logs

    logs.configure()
    return app.spool(settings.load())
