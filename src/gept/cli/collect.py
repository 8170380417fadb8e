"""``gept collect``."""

from __future__ import annotations

import click


@click.command("collect")
@click.argument("names", metavar="NAME…", nargs=-1, required=True)
def command(names: tuple[str, ...]) -> None:
    """Follow the named collectors, each with metrics on its own port."""
    from .. import app, settings
    from .follow import follow

    loaded = settings.load()
    chosen = app.chosen(names, loaded)
    follow(loaded, chosen, app.ports(chosen, loaded))
