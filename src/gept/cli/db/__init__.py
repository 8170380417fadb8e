"""``gept db …``: a module for each command, as for those of ``gept`` itself."""

from __future__ import annotations

import click

from ..commands import Commands


@click.group(
    "db",
    cls=Commands,
    package=__name__,
    modules=(
        "url",
        "shell",
        "migrate",
        "adopt",
        "convert",
        "status",
        "size",
        "compress",
        "retention",
        "roles",
        "run",
        "upgrade",
    ),
)
def command() -> None:
    """Look after the database."""
    from ...observe import logs

    logs.configure()
