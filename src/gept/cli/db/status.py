"""``gept db status``."""

from __future__ import annotations

import json
from typing import Any

import click

from ..moments import in_json, written
from .found import NOTHING, database


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(as_json: bool) -> None:
    """Show which database is used, how large its tables are and how they are laid out."""
    from ... import settings

    with database(settings.load()) as found:
        if as_json:
            told = _as_json(found.address) if found.address else {}
            there = found.address is not None
            click.echo(json.dumps({"database": found.where, "there": there, **told}, indent=2))
            return
        click.echo(f"database: {found.where}")
        if found.address is None:
            click.echo(NOTHING)
            return
        _list_tables(found.address)
        _list_migrations(found.address)


def _list_tables(where: str) -> None:
    from ...store.layouts.state import state
    from .. import layout

    for line in layout.lines(state(where)):
        click.echo(line)


def _as_json(where: str) -> dict[str, Any]:
    from ...collectors import migration_sets
    from ...store.layouts.state import state
    from ...store.schema import migrate as steps
    from .. import layout

    migrations = [
        {
            "set": each.set,
            "number": each.number,
            "name": each.name,
            "applied_at": in_json(each.applied_at),
        }
        for each in steps.status(where, migration_sets())
    ]
    return {**layout.told(state(where)), "migrations": migrations}


def _list_migrations(where: str) -> None:
    from ...collectors import migration_sets
    from ...store.schema import migrate as steps

    sets = migration_sets()
    for each in steps.status(where, sets):
        at = written(each.applied_at) if each.applied_at else "pending: run `gept db migrate`"
        of = "" if each.set == steps.OURS else f" of {each.set}"
        gone = ", which is not installed" if each.set not in {steps.OURS, *sets} else ""
        click.echo(f"{each.number:04d} {each.name:<14} {at}{of}{gone}")
