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
@click.option("--dotenv", is_flag=True, hidden=True, help="Print them for `.env.example`.")
def command(as_json: bool, page: bool, dotenv: bool) -> None:
    """Show every setting: what holds, where it comes from, and what it means."""
    from .. import settings
    from ..app.selection import of_collectors, refuse_strangers
    from ..collectors import load_all
    from ..settings.effective import effective

    if page:
        click.echo("\n\n".join(section(each) for each in settings.declared()))
        return
    if dotenv:
        click.echo("\n\n".join(example(each) for each in settings.declared()))
        return
    known = load_all()
    found = effective(of_collectors=of_collectors(known))
    refuse_strangers(known, settings.load())
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=2))
        return
    for each in found:
        click.echo(f"{each.name} = {each.value or '(not set)'}   [{each.source}]")
        click.echo(f"    {each.about}")


def section(declaration: Field[Any]) -> str:
    """Return what the reference page says of one setting."""
    from ..settings.declarations import shown

    about = declaration.metadata
    lines = [f"## {about['name']}", "", about["about"]]
    default = shown(declaration.default, secret=False)
    if default is not None and "Default:" not in about["about"]:
        lines += ["", f"Default: `{default}`."]
    if about["secret"]:
        lines += ["", f"A secret: it may be in the file that `{about['name']}_FILE` names."]
    return "\n".join(lines)


def example(declaration: Field[Any]) -> str:
    """Return what ``.env.example`` says of one setting: its meaning, and how it would be set."""
    from textwrap import wrap

    from ..settings.declarations import shown

    about = declaration.metadata
    text = about["about"].replace("`", "")
    if about["secret"]:
        text += f" A secret: better in the file that {about['name']}_FILE names."
    default = shown(declaration.default, secret=False) or ""
    return "\n".join([*(f"# {line}" for line in wrap(text, 98)), f"#{about['name']}={default}"])
