"""``gept db convert``."""

from __future__ import annotations

from threading import Event as Flag
from typing import TYPE_CHECKING

import click

from .found import database

if TYPE_CHECKING:
    from ...model import Table
    from ...settings import Settings


@click.command("convert")
@click.argument("tables", nargs=-1)
@click.option("--yes", is_flag=True, help="Do it; without it, only tell what would be done.")
@click.option("--drop-old", is_flag=True, help="Drop the tables that were replaced.")
@click.option("--abandon", is_flag=True, help="Give up what was begun; the tables stay native.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def command(
    tables: tuple[str, ...], yes: bool, drop_old: bool, abandon: bool, as_json: bool
) -> None:
    """Make filled tables of prices hypertables, all or TABLES, while gept goes on collecting."""
    from ... import settings
    from ...errors import UsageError

    if as_json and (yes or drop_old or abandon):
        raise UsageError("--json: it shows the plan; give it alone")
    if drop_old and (abandon or tables):
        raise UsageError(
            "--drop-old: it is for all that was replaced; give it alone, or with --yes"
        )
    loaded = settings.load()
    chosen = _chosen(tables)
    with database(loaded) as found:
        if drop_old:
            _drop(found.needed, yes=yes)
        elif abandon:
            _abandon(found.needed, chosen, yes=yes)
        elif yes:
            _convert(loaded, found.needed, chosen)
        else:
            _plan(loaded, found.needed, chosen, as_json=as_json)


def _chosen(names: tuple[str, ...]) -> list[Table]:
    from ... import app
    from ...errors import UsageError

    known = {each.journal or each.name: each for each in app.big_tables()}
    for name in names:
        if name not in known:
            raise UsageError(f"TABLES: {name!r} is no table of prices; take of {', '.join(known)}")
    return [table for name, table in known.items() if not names or name in names]


def _plan(loaded: Settings, where: str, tables: list[Table], *, as_json: bool) -> None:
    from ... import app
    from ...store import conversion
    from .. import conversion as shown
    from ..plans import show

    found = conversion.plan(where, tables, app.now() - loaded.compress_after)
    show(shown.told(found), shown.lines(found), as_json=as_json)


def _convert(loaded: Settings, where: str, tables: list[Table]) -> None:
    from ... import app
    from ...errors import StoreAway
    from ...store import conversion
    from .. import conversion as shown

    stop = Flag()
    app.stop_on_signals(stop)
    job = conversion.Job(loaded.compress_after, app.now, stop.wait)
    with shown.Progress() as progress:
        for each in conversion.convert(where, tables, job):
            progress.show(each)
            if stop.is_set():
                raise StoreAway("stopped; `gept db convert --yes` goes on from here")
    click.echo("\n".join(shown.account(conversion.standing(where))) or shown.NOTHING)


def _abandon(where: str, tables: list[Table], *, yes: bool) -> None:
    from ...store import conversion

    begun = {each.name for each in conversion.standing(where) if not each.done}
    for table in tables:
        name = table.journal or table.name
        if name in begun and yes:
            conversion.abandon(where, table)
        if name in begun:
            click.echo(f"{'given up' if yes else 'would be given up'}: {name}")
    _hint(bool(begun), "--abandon", yes=yes)


def _drop(where: str, *, yes: bool) -> None:
    from ...store import conversion

    names = conversion.drop(where, dry=not yes)
    for name in names:
        click.echo(f"{'dropped' if yes else 'would be dropped'}: converted.{name}")
    _hint(bool(names), "--drop-old", yes=yes)


def _hint(something: bool, option: str, *, yes: bool) -> None:
    if not something:
        click.echo("there is nothing of that kind")
    elif not yes:
        click.echo(f"nothing was changed; do it by: gept db convert {option} --yes")
