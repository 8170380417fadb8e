"""``gept settings``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from dataclasses import Field


@click.command("settings")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@click.option("--page", is_flag=True, hidden=True, help="Print the reference page of them.")
def command(as_json: bool, page: bool) -> None:
    """Show every setting: what holds, where it comes from, and what it means."""
    from .. import settings
    from ..app.selection import of_collectors, refuse_strangers
    from ..collectors import load_all

    if page:
        click.echo("\n\n".join(section(each) for each in settings.declared()))
        return
    known = load_all()
    found = settings.effective(of_collectors=of_collectors(known))
    refuse_strangers(known, settings.load())
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=2))
        return
    for each in found:
        click.echo(f"{each.name} = {each.value or '(not set)'}   [{each.source}]")
        click.echo(f"    {each.about}")


def section(declaration: Field[Any]) -> str:
    """Return what the reference page says of one setting."""
    from ..settings import shown

    about = declaration.metadata
    lines = [f"## {about['name']}", "", about["about"]]
    default = shown(declaration.default, secret=False)
    if default is not None and "Default:" not in about["about"]:
        lines += ["", f"Default: `{default}`."]
    if about["secret"]:
        lines += ["", f"A secret: it may be in the file that `{about['name']}_FILE` names."]
    return "\n".join(lines)
