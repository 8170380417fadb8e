"""``gept db url``."""

from __future__ import annotations

from threading import Event as Flag

import click

from ..demo import demo_option, settings_of


@click.command("url")
@demo_option
def command(demo: bool) -> None:
    """Print how to connect to the database."""
    from ... import app
    from ...store import address
    from ...store.database import without_password

    loaded = settings_of(demo)
    server = app.embedded(loaded, Flag())
    text = address(loaded, server)
    if server is not None:
        click.echo(text)
        running = "gept up --demo" if demo else "gept up"
        click.echo(f"gept runs this server only while it runs itself: `{running}`", err=True)
        return
    shown, password = without_password(text)
    click.echo(shown)
    if password is not None:
        click.echo("the password is not shown", err=True)
