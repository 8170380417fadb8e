"""``gept settings``."""

from __future__ import annotations

import json
from dataclasses import asdict

import click


@click.command("settings")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def command(as_json: bool) -> None:
    """Show every setting: what holds, where it comes from, and what it means."""
    from .. import settings

    found = settings.effective()
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=2))
        return
    for each in found:
        click.echo(f"{each.name} = {each.value or '(not set)'}   [{each.source}]")
        click.echo(f"    {each.about}")
