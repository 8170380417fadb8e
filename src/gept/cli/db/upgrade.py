"""``gept db upgrade``."""

from __future__ import annotations

from threading import Event as Flag

import click


@click.command("upgrade")
@click.option(
    "--from",
    "old",
    required=True,
    type=click.Path(exists=True, file_okay=False),
    help="The folder of the old version's programs.",
)
def command(old: str) -> None:
    """Move gept's own PostgreSQL to the installed version; the old data are kept."""
    from pathlib import Path

    from ... import settings
    from ...errors import UsageError
    from ...store.embedded.upgrade import upgrade as move

    loaded = settings.load()
    if not loaded.embedded:
        raise UsageError("the settings name a PostgreSQL of yours, which gept does not upgrade")
    done = move(loaded.folder, Path(old), loaded.pg_bindir, Flag().wait)
    click.echo(
        f"moved {sum(done.rows.values())} rows of {len(done.rows)} tables, and compared them"
    )
    click.echo(f"the old data are in {done.kept}; remove them when all is well")
