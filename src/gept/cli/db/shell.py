"""``gept db shell``."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from threading import Event as Flag

import click

from ..demo import demo_option, refuse_nothing, settings_of


@click.command("shell", context_settings={"ignore_unknown_options": True})
@click.argument("arguments", metavar="[PSQL ARGUMENT…]", nargs=-1, type=click.UNPROCESSED)
@demo_option
def command(arguments: tuple[str, ...], demo: bool) -> None:
    """Open psql on the database; further arguments are psql's."""
    from ... import app
    from ...errors import UsageError
    from ...settings.secrets import without
    from ...store import address
    from ...store.database import without_password
    from ...store.embedded.programs import binaries

    loaded = settings_of(demo)
    refuse_nothing(loaded, demo=demo)
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
