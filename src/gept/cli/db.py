"""``gept db …``."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from secrets import token_urlsafe
from threading import Event as Flag
from typing import TYPE_CHECKING, Any

import click

from .demo import demo_option, settings_of
from .moments import written
from .roles import roles

if TYPE_CHECKING:
    from ..store import Server

ROLE = "gept"


@click.group("db")
def command() -> None:
    """Look after the database."""
    from ..observe import logs

    logs.configure()


command.add_command(roles)


@command.command("url")
@demo_option
def url(demo: bool) -> None:
    """Print how to connect to the database."""
    from .. import app
    from ..store import address
    from ..store.database import without_password

    loaded = settings_of(demo)
    server = app.embedded(loaded, Flag())
    text = address(loaded, server)
    if server is not None:
        click.echo(text)
        click.echo("gept runs this server only while it runs itself: `gept up`", err=True)
        return
    shown, password = without_password(text)
    click.echo(shown)
    if password is not None:
        click.echo("the password is not shown", err=True)


@command.command("shell", context_settings={"ignore_unknown_options": True})
@click.argument("arguments", metavar="[PSQL ARGUMENT…]", nargs=-1, type=click.UNPROCESSED)
@demo_option
def shell(arguments: tuple[str, ...], demo: bool) -> None:
    """Open psql on the database; further arguments are psql's."""
    from .. import app
    from ..errors import UsageError
    from ..settings.secrets import without
    from ..store import address
    from ..store.database import without_password
    from ..store.programs import binaries

    loaded = settings_of(demo)
    server = app.embedded(loaded, Flag())
    psql = (server and str(server.binaries / "psql")) or shutil.which("psql")
    psql = psql or str(binaries(loaded.pg_bindir) / "psql")
    if not os.access(psql, os.X_OK):
        raise UsageError(f"{psql} is not there; install psql (Debian: postgresql-client)")
    try:
        app.prepare(loaded, server, Flag())
        target, password = without_password(address(loaded, server))
        environment = {**without(os.environ), **({"PGPASSWORD": password} if password else {})}
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        done = subprocess.run([psql, "-d", target, *arguments], env=environment, check=False)
    finally:
        if server is not None:
            server.stop()
    sys.exit(done.returncode)


@command.command("migrate")
def migrate() -> None:
    """Bring the schema up to date."""
    from .. import app, settings
    from ..collectors import migration_sets
    from ..store import migrate as steps

    loaded = settings.load()
    with app.store(loaded) as store:
        store.ping()
        click.echo(f"up to date: {len(steps.shipped(migration_sets()))} migrations")


@command.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(as_json: bool) -> None:
    """Show which database is used, how large its tables are and how they are laid out."""
    from .. import app, settings
    from ..store import address

    loaded = settings.load()
    server = app.embedded(loaded, Flag())
    where = f"gept's own, in {server.folder}" if server else "yours, by DB_HOST or DATABASE_URL"
    try:
        there = server is None or app.there(loaded, server)
        if as_json:
            found = _as_json(address(loaded, server)) if there else {}
            click.echo(json.dumps({"database": where, "there": there, **found}, indent=2))
            return
        click.echo(f"database: {where}")
        if not there:
            click.echo("nothing is there yet: `gept up` or `gept db migrate` makes it")
            return
        _list_tables(address(loaded, server))
        _list_migrations(address(loaded, server))
    finally:
        if server is not None:
            server.stop()


@command.command("compress")
@click.option("--dry-run", "dry", is_flag=True, help="Only list what would be compressed.")
def compress(dry: bool) -> None:
    """Compress prices that are old enough now, without waiting for TimescaleDB's policy."""
    from .. import app, settings
    from ..errors import UsageError
    from ..store import address
    from ..store import compress as closing

    loaded = settings.load()
    if loaded.embedded:
        raise UsageError("gept's own PostgreSQL has no TimescaleDB, so nothing can be compressed")
    before, count = app.now() - loaded.compress_after, 0
    for chunk in closing.compress(address(loaded, None), before, dry=dry):
        count += 1
        click.echo(f"{chunk.table}: {chunk.name}")
    click.echo(f"{'to compress' if dry else 'compressed'}: {count}")


def _list_tables(where: str) -> None:
    from ..store.state import state
    from . import layout

    for line in layout.lines(state(where)):
        click.echo(line)


def _as_json(where: str) -> dict[str, Any]:
    from ..collectors import migration_sets
    from ..store import migrate as steps
    from ..store.state import state
    from . import layout

    migrations = [
        {
            "set": each.set,
            "number": each.number,
            "name": each.name,
            "applied_at": each.applied_at.isoformat() if each.applied_at else None,
        }
        for each in steps.status(where, migration_sets())
    ]
    return {**layout.told(state(where)), "migrations": migrations}


def _list_migrations(where: str) -> None:
    from ..collectors import migration_sets
    from ..store import migrate as steps

    sets = migration_sets()
    for each in steps.status(where, sets):
        at = written(each.applied_at) if each.applied_at else "pending: run `gept db migrate`"
        of = "" if each.set == steps.OURS else f" of {each.set}"
        gone = ", which is not installed" if each.set not in {steps.OURS, *sets} else ""
        click.echo(f"{each.number:04d} {each.name:<12} {at}{of}{gone}")


@command.command("run")
@click.option("--port", type=click.IntRange(1024, 65535), help="Listen on loopback as well.")
def run(port: int | None) -> None:
    """Hold gept's own PostgreSQL for other programs, until Ctrl-C."""
    from .. import app, settings
    from ..errors import UsageError
    from ..store import Server

    loaded = settings.load()
    if not loaded.embedded:
        raise UsageError("the settings name a PostgreSQL of yours, which gept does not run")
    stop = Flag()
    app.stop_on_signals(stop)
    server = Server(loaded.folder, loaded.pg_bindir, stop.wait, port)
    try:
        app.prepare(loaded, server, stop)
        if port is not None and not server.owned:
            raise UsageError("--port: another gept runs the server; end that one first")
        click.echo(_tcp(server, loaded.db_name, port) if port else server.url(loaded.db_name))
        while not stop.wait(1):
            server.ensure()
    finally:
        server.stop()


def _tcp(server: Server, database: str, port: int) -> str:
    """Let other programs of this machine in by a password; return the address, without it."""
    from ..store.database import give_login

    file = server.folder / "password"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(token_urlsafe(24) + "\n", encoding="ascii")
    give_login(server.url("postgres"), ROLE, file.read_text(encoding="ascii").strip())
    click.echo(f"the password of {ROLE} is in {file}", err=True)
    return f"postgresql://{ROLE}@127.0.0.1:{port}/{database}"


@command.command("upgrade")
@click.option(
    "--from",
    "old",
    required=True,
    type=click.Path(exists=True, file_okay=False),
    help="The folder of the old version's programs.",
)
def upgrade(old: str) -> None:
    """Move gept's own PostgreSQL to the installed version; the old data are kept."""
    from pathlib import Path

    from .. import settings
    from ..errors import UsageError
    from ..store.upgrade import upgrade as move

    loaded = settings.load()
    if not loaded.embedded:
        raise UsageError("the settings name a PostgreSQL of yours, which gept does not upgrade")
    done = move(loaded.folder, Path(old), loaded.pg_bindir, Flag().wait)
    click.echo(
        f"moved {sum(done.rows.values())} rows of {len(done.rows)} tables, and compared them"
    )
    click.echo(f"the old data are in {done.kept}; remove them when all is well")
