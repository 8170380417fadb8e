"""``gept up``."""

from __future__ import annotations

import click


@click.command("up")
def command() -> None:
    """Collect everything in one process, until stopped."""
    from .. import app, settings
    from .follow import follow

    loaded = settings.load()
    follow(loaded, app.chosen([], loaded), {"DASHBOARD_PORT": loaded.dashboard_port})
