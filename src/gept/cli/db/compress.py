"""``gept db compress``."""

from __future__ import annotations

import click


@click.command("compress")
@click.option("--dry-run", "dry", is_flag=True, help="Only list what would be compressed.")
def command(dry: bool) -> None:
    """Compress prices that are old enough now, without waiting for TimescaleDB's policy."""
    from ... import app, settings
    from ...errors import UsageError
    from ...store import address
    from ...store.layouts import compress as closing

    loaded = settings.load()
    if loaded.embedded:
        raise UsageError("gept's own PostgreSQL has no TimescaleDB, so nothing can be compressed")
    before, count = app.now() - loaded.compress_after, 0
    for chunk in closing.compress(address(loaded, None), before, dry=dry):
        count += 1
        click.echo(f"{chunk.table}: {chunk.name}")
    click.echo(f"{'to compress' if dry else 'compressed'}: {count}")
