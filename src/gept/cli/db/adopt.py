"""``gept db adopt``."""

from __future__ import annotations

import sys
from threading import Event as Flag
from typing import TYPE_CHECKING

import click

from ..exits import Exit

if TYPE_CHECKING:
    from ...settings import Settings
    from ...store import Server
    from ...store.adoption import Job


@click.command("adopt")
@click.option("--yes", is_flag=True, help="Do it; without it, only tell what would be done.")
@click.option("--drop-old", is_flag=True, help="Drop the old tables, once all of it is proved.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(yes: bool, drop_old: bool, as_json: bool) -> None:
    """Take over the tables of an older database without losing a row."""
    from ... import app, settings
    from ...errors import UsageError
    from ...store import address

    if as_json and (yes or drop_old):
        raise UsageError("--json: it shows the plan; give it without --yes and --drop-old")
    loaded = settings.load()
    server = app.embedded(loaded, Flag())
    try:
        if server is not None and not app.there(loaded, server):
            raise UsageError("nothing is there to adopt; set DB_HOST or DATABASE_URL")
        where = address(loaded, server)
        if drop_old:
            return _drop(where, yes)
        return _adopt(loaded, server, where) if yes else _plan(where, as_json)
    finally:
        if server is not None:
            server.stop()


def _plan(where: str, as_json: bool) -> None:
    from ...store import adoption
    from .. import adoption as shown
    from ..plans import show

    found = adoption.plan(where)
    show(shown.told(found), shown.lines(found), as_json=as_json)


def _adopt(settings: Settings, server: Server | None, where: str) -> None:
    from ... import app
    from ...collectors import load_all, migration_sets
    from ...errors import UsageError
    from ...store import adoption

    for old in adoption.begin(where, migration_sets()):
        click.echo(f"moved aside: {old.name}")
    if not adoption.standing(where):
        raise UsageError("nothing is there to adopt: no table has the name of one of gept's")
    stop = Flag()
    app.stop_on_signals(stop)
    app.prepare(settings, server, stop)
    _work(where, adoption.Job(load_all(), app.now), stop)
    _end(where)


def _work(where: str, job: Job, stop: Flag) -> None:
    from ...errors import StoreAway
    from ...store import adoption
    from .. import adoption as shown

    with shown.Progress() as progress:
        for part in adoption.work(where, job):
            progress.show(part)
            if stop.is_set():
                raise StoreAway("stopped; `gept db adopt --yes` goes on from here")


def _end(where: str) -> None:
    """Tell what became of the rows."""
    from ...store import adoption
    from .. import adoption as shown

    parts = adoption.standing(where)
    for line in shown.account(parts):
        click.echo(line)
    if not all(each.proved for each in parts):
        sys.exit(Exit.DIFFERENT)
    if any(each.stage == "done" for each in parts):
        click.echo("all of it is proved; the old tables go by: gept db adopt --drop-old --yes")


def _drop(where: str, yes: bool) -> None:
    from ...store import adoption

    names = adoption.drop(where, dry=not yes)
    for name in names:
        click.echo(f"{'dropped' if yes else 'would be dropped'}: legacy.{name}")
    if not names:
        click.echo("nothing is left to drop")
    elif not yes:
        click.echo("nothing was changed; do it by: gept db adopt --drop-old --yes")
