"""``gept db run``."""

from __future__ import annotations

from contextlib import closing
from secrets import token_urlsafe
from socket import socket
from threading import Event as Flag
from typing import TYPE_CHECKING

import click

from ..hint import hint

if TYPE_CHECKING:
    from ...store import Server

ROLE = "gept"


@click.command("run")
@click.option("--port", type=click.IntRange(1024, 65535), help="Listen on loopback as well.")
def command(port: int | None) -> None:
    """Hold gept's own PostgreSQL for other programs, until Ctrl-C."""
    from ... import app, settings
    from ...errors import UsageError
    from ...store import Server

    loaded = settings.load()
    if not loaded.embedded:
        raise UsageError("the settings name a PostgreSQL of yours, which gept does not run")
    if port is not None:
        _refuse_taken(port)
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
    from ...store.database import give_login

    file = server.folder / "password"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(token_urlsafe(24) + "\n", encoding="ascii")
    give_login(server.url("postgres"), ROLE, file.read_text(encoding="ascii").strip())
    hint(f"the password of {ROLE} is in {file}")
    return f"postgresql://{ROLE}@127.0.0.1:{port}/{database}"


def _refuse_taken(port: int) -> None:
    """Raise UsageError where another program listens; the server would end with its whole log."""
    from ...errors import UsageError

    with closing(socket()) as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise UsageError(
                f"--port: 127.0.0.1:{port} is taken, by another gept or another program; "
                "end that one, or name another port"
            )
