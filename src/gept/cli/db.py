"""``gept db …``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from threading import Event as Flag

import click

from .moments import written


@click.group("db")
def command() -> None:
    """Look after the database."""


@command.command("url")
def url() -> None:
    """Print how to connect to the database."""
    from psycopg import conninfo  # noqa: PLC0415

    from .. import app, settings  # noqa: PLC0415
    from ..store import address  # noqa: PLC0415

    loaded = settings.load()
    server = app.embedded(loaded, Flag())
    text = address(loaded, server)
    if server is not None:
        click.echo(text)
        click.echo("gept runs this server only while it runs itself: `gept up`", err=True)
        return
    parts = conninfo.conninfo_to_dict(text)
    if parts.pop("password", None) is not None:
        click.echo("the password is not shown", err=True)
    click.echo(conninfo.make_conninfo(**parts))


@command.command("shell", context_settings={"ignore_unknown_options": True})
@click.argument("arguments", metavar="[PSQL ARGUMENT…]", nargs=-1, type=click.UNPROCESSED)
def shell(arguments: tuple[str, ...]) -> None:
    """Open psql on the database; further arguments are psql's."""
    from psycopg import conninfo  # noqa: PLC0415

    from .. import app, settings  # noqa: PLC0415
    from ..errors import UsageError  # noqa: PLC0415
    from ..store import address  # noqa: PLC0415
    from ..store.embedded import binaries  # noqa: PLC0415

    loaded = settings.load()
    server = app.embedded(loaded, Flag())
    psql = (server and str(server.binaries / "psql")) or shutil.which("psql")
    psql = psql or str(binaries(loaded.pg_bindir) / "psql")
    if not os.access(psql, os.X_OK):
        raise UsageError(f"{psql} is not there; install psql (Debian: postgresql-client)")
    try:
        app.prepare(loaded, server)
        parts = conninfo.conninfo_to_dict(address(loaded, server))
        secret = {"PGPASSWORD": str(parts.pop("password"))} if parts.get("password") else {}
        target = conninfo.make_conninfo(**parts)
        done = subprocess.run([psql, "-d", target, *arguments], env={**os.environ, **secret}, check=False)
    finally:
        if server is not None:
            server.stop()
    sys.exit(done.returncode)


@command.command("migrate")
def migrate() -> None:
    """Bring the schema up to date."""
    from .. import app, settings  # noqa: PLC0415
    from ..store import migrate as steps  # noqa: PLC0415

    loaded = settings.load()
    with app.store(loaded) as store:
        store.ping()
        click.echo(f"up to date: {len(steps.shipped())} migrations")


@command.command("status")
def status() -> None:
    """Show which database is used and which migrations it has."""
    from .. import app, settings  # noqa: PLC0415
    from ..store import address  # noqa: PLC0415
    from ..store import migrate as steps  # noqa: PLC0415

    loaded = settings.load()
    server = app.embedded(loaded, Flag())
    try:
        if server is not None:
            server.ensure()
        where = f"gept's own, in {server.folder}" if server else "yours, by DB_HOST or DATABASE_URL"
        click.echo(f"database: {where}")
        for each in steps.status(address(loaded, server)):
            at = written(each.applied_at) if each.applied_at else "pending: run `gept db migrate`"
            click.echo(f"{each.number:04d} {each.name:<12} {at}")
    finally:
        if server is not None:
            server.stop()
