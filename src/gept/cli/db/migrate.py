"""``gept db migrate``."""

from __future__ import annotations

import click


@click.command("migrate")
def command() -> None:
    """Bring the schema up to date."""
    from ... import app, settings
    from ...collectors import migration_sets
    from ...store.schema import migrate as steps

    loaded = settings.load()
    with app.store(loaded) as store:
        store.ping()
        click.echo(f"up to date: {len(steps.shipped(migration_sets()))} migrations")
