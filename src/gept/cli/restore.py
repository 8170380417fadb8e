"""``gept restore``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .backup import Named, chosen, stoppable
from .exits import Exit

if TYPE_CHECKING:
    from ..app.backups import Place
    from ..backup.folder import Backup


@click.command("restore")
@click.argument("file", type=Named(path_type=Path))
@click.option("--into", metavar="NAME", help="Restore into a new database of this name.")
@click.option(
    "--overwrite", is_flag=True, help="Of a table: let its rows take the place of stored ones."
)
def command(file: Path, into: str | None, overwrite: bool) -> None:
    """Restore the backup FILE: a whole database into an empty one, or the rows of a table."""
    from .. import settings
    from ..app.backups import place
    from ..observe import logs

    logs.configure()
    loaded = settings.load()
    backup = chosen(file, loaded)
    _refuse_senseless(backup, into, overwrite=overwrite)
    with stoppable(), place(loaded) as where:
        if backup.whole:
            _restore_whole(backup, where, into)
        else:
            _restore_part(backup, where, overwrite=overwrite)


def _refuse_senseless(backup: Backup, into: str | None, *, overwrite: bool) -> None:
    if overwrite and backup.whole:
        raise click.UsageError("--overwrite is for the backup of a table; this is a database")
    if into is not None and not backup.whole:
        raise click.UsageError("--into is for a whole database; this is the backup of a table")


def _restore_whole(backup: Backup, where: Place, into: str | None) -> None:
    from ..backup import restore

    restore.refuse_unsound(backup)
    if into is not None or not where.there:
        restore.restore_beside(backup, where.beside, into or where.name, where.programs)
    else:
        restore.restore_into(backup, where.database, where.programs)
    rows, tables = backup.manifest.rows, len(backup.manifest.tables)
    click.echo(f"restored {rows} rows of {tables} tables, and compared them")


def _restore_part(backup: Backup, where: Place, *, overwrite: bool) -> None:
    from .. import app
    from ..backup import part

    widths = {each.journal or each.name: each.partition for each in app.big_tables()}
    done = part.restore(backup, where.database, widths, overwrite=overwrite)
    click.echo(
        f"{backup.manifest.part}: {done.inserted} rows restored, {done.updated} overwritten, "
        f"{done.unchanged} there already"
    )
    if done.different:
        click.echo(
            f"gept: {done.different} rows are stored with other values, and stay; "
            "--overwrite takes those of the backup",
            err=True,
        )
        raise click.exceptions.Exit(Exit.DIFFERENT)
