"""``--demo``: the made-up market of ``gept up --demo`` in place of the real one."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..settings import Settings

FOLDER = "demo"
DAY = timedelta(minutes=1)
PACE = timedelta(milliseconds=100)

demo_option = click.option(
    "--demo", is_flag=True, help="Of the made-up market of `gept up --demo`."
)


def settings_of(demo: bool) -> Settings:
    """Return the settings that hold: those of the made-up market where it is meant."""
    from .. import settings

    return made_up(settings.load()) if demo else settings.load()


def made_up(settings: Settings) -> Settings:
    """Return settings for the made-up market: a folder apart, and days of a minute for items."""
    from ..errors import UsageError
    from ..settings import variable

    if not settings.embedded:
        raise UsageError(
            "--demo keeps what it makes up in gept's own PostgreSQL; unset DB_HOST and DATABASE_URL"
        )
    return replace(
        settings,
        data_dir=settings.folder / FOLDER,
        pace=PACE,
        contact=settings.contact or "demo",
        by_collector={variable("items", "INTERVAL"): DAY, **settings.by_collector},
    )


def refuse_nothing(settings: Settings, *, demo: bool) -> None:
    """Raise GeptError where nothing was collected yet, so that looking makes no database."""
    from ..errors import GeptError

    if not settings.embedded or _there(settings):
        return
    begin = typed("up --demo") if demo else typed("up")
    other = "" if demo or not _there(made_up(settings)) else typed("status --demo")
    told = f"; the made-up market is shown by: {other}" if other else ""
    raise GeptError(f"nothing is in {settings.folder} yet; begin with: {begin}{told}")


def _there(settings: Settings) -> bool:
    """Tell whether gept's own PostgreSQL has ever run on the folder of the settings."""
    from threading import Event as Flag

    from .. import app

    server = app.embedded(settings, Flag())
    return server is not None and server.initialised


def typed(arguments: str) -> str:
    """Return what to type for another command of gept, as this one was, on the same folder."""
    ran = sys.argv[0]
    program = [sys.executable, "-m", "gept"] if Path(ran).name == "__main__.py" else [ran]
    folder = os.environ.get("DATA_DIR")
    where = f"DATA_DIR={shlex.quote(folder)} " if folder else ""
    return f"{where}{shlex.join(program)} {arguments}"
