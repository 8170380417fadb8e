"""``gept db size``."""

from __future__ import annotations

import json

import click

from .found import database


@click.command("size")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(as_json: bool) -> None:
    """Show how large each table is, with its indexes and parts, the largest first."""
    from ... import settings
    from ...store.layouts.state import state
    from .. import layout

    with database(settings.load()) as found:
        told = state(found.needed)
    if as_json:
        click.echo(json.dumps({"tables": layout.told(told)["tables"]}, indent=2))
        return
    for line in layout.sizes(told):
        click.echo(line)
    click.echo(f"altogether {layout.readable(sum(each.bytes for each in told.sizes))}")
