"""``gept dashboard``."""

from __future__ import annotations

import click


@click.command("dashboard")
@click.argument("names", metavar="[NAME…]", nargs=-1)
def command(names: tuple[str, ...]) -> None:
    """Show what other processes collect, on the dashboard; collect nothing."""
    from .. import app, settings
    from ..app.watching import Watching
    from .door import certificate, refuse_open_door
    from .follow import listening

    loaded = settings.load()
    refuse_open_door(loaded)
    chosen = app.chosen(names, loaded)
    ports = {"DASHBOARD_PORT": loaded.dashboard_port}
    taken, stop = listening(loaded, ports, certificate(loaded))
    Watching(loaded, chosen, taken, stop).run()
