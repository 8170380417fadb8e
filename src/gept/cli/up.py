"""``gept up``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from .demo import DAY, made_up, typed
from .hint import hint

if TYPE_CHECKING:
    from ..settings import Settings


@click.command("up")
@click.option("--demo", is_flag=True, help="Collect a made-up market, offline, in a folder apart.")
def command(demo: bool) -> None:
    """Collect everything in one process, until stopped."""
    from .. import app, settings
    from .door import certificate, refuse_open_door
    from .follow import follow

    loaded = settings.load()
    refuse_open_door(loaded)
    tls = certificate(loaded)
    with _made_up(loaded) if demo else _real(loaded) as chosen:
        ports = {"DASHBOARD_PORT": chosen.dashboard_port}
        follow(chosen, app.chosen([], chosen), ports, tls, dashboard=True)


@contextmanager
def _real(settings: Settings) -> Iterator[Settings]:
    yield settings


@contextmanager
def _made_up(settings: Settings) -> Iterator[Settings]:
    """Serve a made-up market and give the settings that collect it into a database of its own."""
    from ..simulate import Market, Server

    chosen = made_up(settings)
    server = Server(Market(), day=int(DAY.total_seconds()))
    told = f"nothing of this is real; look at it with: {typed('status --demo')}"
    hint(told)
    server.start()
    try:
        yield replace(
            chosen,
            prices_url=f"{server.url}/api/v1/osrs",
            news_url=f"{server.url}/m=news/latest_news.rss",
            changes_url=f"{server.url}/api.php",
            players_url=f"{server.url}/",
            total_url=f"{server.url}/player_count.js?varname=iPlayerCount&callback=jQuery",
        )
    finally:
        server.stop()
        hint(told)
