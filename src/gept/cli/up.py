"""``gept up``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..settings import Settings

DEMO_PACE = timedelta(milliseconds=100)


@click.command("up")
@click.option("--demo", is_flag=True, help="Collect a made-up market, offline, in a folder apart.")
def command(demo: bool) -> None:
    """Collect everything in one process, until stopped."""
    from .. import app, settings
    from .follow import follow

    loaded = settings.load()
    with _made_up(loaded) if demo else _real(loaded) as chosen:
        follow(chosen, app.chosen([], chosen), {"DASHBOARD_PORT": chosen.dashboard_port})


@contextmanager
def _real(settings: Settings) -> Iterator[Settings]:
    yield settings


@contextmanager
def _made_up(settings: Settings) -> Iterator[Settings]:
    """Serve a made-up market and give the settings that collect it into a database of its own."""
    from ..errors import UsageError
    from ..simulate import Market, Server

    if not settings.embedded:
        raise UsageError(
            "--demo keeps what it makes up in gept's own PostgreSQL; unset DB_HOST and DATABASE_URL"
        )
    server = Server(Market())
    folder = settings.folder / "demo"
    click.echo(
        f"nothing of this is real; look at it with: DATA_DIR='{folder}' gept status", err=True
    )
    server.start()
    try:
        yield replace(
            settings,
            data_dir=folder,
            pace=DEMO_PACE,
            contact=settings.contact or "demo",
            prices_url=f"{server.url}/api/v1/osrs",
            news_url=f"{server.url}/m=news/latest_news.rss",
            changes_url=f"{server.url}/api.php",
            players_url=f"{server.url}/",
            total_url=f"{server.url}/player_count.js?varname=iPlayerCount&callback=jQuery",
        )
    finally:
        server.stop()
