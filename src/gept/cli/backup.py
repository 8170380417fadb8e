"""``gept backup …``."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .exits import Exit
from .layout import readable
from .moments import MOMENT, written

if TYPE_CHECKING:
    from ..backup.folder import Backup
    from ..settings import Settings

Callback = Callable[..., Any]


class Named(click.Path):
    """A path; an empty text, as of a variable that is not set, is not the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path that a text names."""
        if not value:
            self.fail("it is empty; name a folder, or leave it out", param, ctx)
        return super().convert(value, param, ctx)


FOLDER = Named(file_okay=False, path_type=Path)


class WithFolder(click.Group):
    """A group that is a command itself: what is not the name of a command is its folder."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave a command to the group, and take anything else as one's own."""
        if args and args[0] in self.commands:
            return super().parse_args(ctx, args)
        ctx.allow_interspersed_args = True
        click.Command.parse_args(self, ctx, args)
        folders, ctx.args = ctx.args, []
        if len(folders) > 1:
            ctx.fail(f"name one folder, not {len(folders)}: {' '.join(folders)}")
        ctx.obj = FOLDER.convert(folders[0], None, ctx) if folders else None
        return []

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Tell of the folder where the help tells how it is called."""
        return ["[OPTIONS] [FOLDER | COMMAND [ARGS]...]"]


def keep(period: str) -> Callable[[Callback], Callback]:
    """Return the option for one kind of period."""
    return click.option(
        f"--keep-{period}",
        metavar="N",
        type=click.IntRange(0, 9999),
        help=f"Keep the newest of N {period} periods. Default: GEPT_BACKUP_KEEP_{period.upper()}.",
    )


@click.group("backup", cls=WithFolder, invoke_without_command=True)
@click.option("--table", metavar="NAME", help="Only this table.")
@click.option("--since", type=MOMENT, help="Only its rows from this time on.")
@click.option("--until", type=MOMENT, help="Only its rows before this time.")
@keep("daily")
@keep("weekly")
@keep("monthly")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    table: str | None,
    since: datetime | None,
    until: datetime | None,
    **keeps: int | None,
) -> None:
    """Save the whole database, or one table, into FOLDER (default: GEPT_BACKUP_DIR)."""
    from ..observe import logs

    logs.configure()
    if ctx.invoked_subcommand is not None:
        return
    if table is None and (since or until):
        raise click.UsageError("--since and --until are for one table: name it with --table")
    with stoppable():
        _save(ctx.obj, table, since, until, keeps)


def _save(
    folder: Path | None,
    table: str | None,
    since: datetime | None,
    until: datetime | None,
    keeps: dict[str, int | None],
) -> None:
    from .. import app, settings
    from ..app.backups import filled
    from ..backup import part, whole

    loaded = settings.load()
    target = (folder or loaded.backups).expanduser().absolute()
    with filled(loaded) as place:
        if table is not None:
            span = (since, until)
            done = part.back_up(place.database, target, table, span, app.now())
        else:
            done = whole.back_up(place.database, target, place.programs, app.now())
    click.echo(f"saved {_told(done)}")
    if done.whole:
        _rotate(target, done, loaded, keeps)


def _rotate(target: Path, done: Backup, loaded: Settings, keeps: dict[str, int | None]) -> None:
    """Remove what is no longer needed of the same database, now that the new one is whole."""
    from ..backup import folder, rotation

    given = {
        name.removeprefix("keep_"): getattr(loaded, f"backup_{name}") if many is None else many
        for name, many in keeps.items()
    }
    found, _ = folder.listed(target)
    ours = [each for each in found if each.manifest.database == done.manifest.database]
    for each in rotation.Keep(**given).surplus(ours):
        rotation.remove(each)
        click.echo(f"removed {each.folder}")


@command.command("list")
@click.argument("folder", required=False, type=FOLDER)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def list_(folder: Path | None, as_json: bool) -> None:
    """Show the backups in FOLDER (default: GEPT_BACKUP_DIR), the newest first."""
    from .. import settings
    from ..backup.folder import listed

    target = folder or settings.load().backups
    found, faults = listed(target)
    if as_json:
        click.echo(json.dumps([_as_json(each) for each in found], indent=2))
    else:
        click.echo("\n".join(map(_told, found)) or f"no backup is in {target} yet")
    for fault in faults:
        click.echo(f"gept: {fault}", err=True)
    if faults or any(each.fault for each in found):
        raise click.exceptions.Exit(Exit.UNHEALTHY)


@command.command("verify")
@click.argument("file", required=False, type=Named(path_type=Path))
def verify(file: Path | None) -> None:
    """Restore FILE (default: the newest whole backup) into a scratch database, and compare."""
    from .. import app, settings
    from ..app.backups import place
    from ..backup import drill, part

    loaded = settings.load()
    found = chosen(file, loaded)
    with stoppable(), place(loaded) as where:
        if found.whole:
            differences = drill.verify(found, where.beside, where.programs, app.now())
        else:
            differences = part.verify(found, where.database, app.now())
    for each in differences:
        click.echo(each)
    if differences:
        click.echo(f"gept: {found.folder} is not what its manifest tells of", err=True)
        raise click.exceptions.Exit(Exit.DIFFERENT)
    rows, tables = found.manifest.rows, len(found.manifest.tables)
    click.echo(f"{found.folder}: {rows} rows in {tables} tables, all as in the manifest")


def chosen(file: Path | None, loaded: Settings) -> Backup:
    """Return the backup that is meant: the newest of a whole database where none is named."""
    from ..backup.folder import listed, open_backup
    from ..errors import BackupError

    if file is not None:
        return open_backup(file)
    newest = next((each for each in listed(loaded.backups)[0] if each.whole), None)
    if newest is None:
        raise BackupError(f"no backup is in {loaded.backups} yet; make one with `gept backup`")
    return newest


@contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM and Ctrl-C end what is going on in order, so that nothing half done stays."""
    from ..errors import StoreAway

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        raise StoreAway("stopped before it was done; nothing half done is kept") from None


def _told(backup: Backup) -> str:
    found = backup.manifest
    what = found.database if found.part is None else f"{found.part} of {found.database}"
    size = readable(found.size)
    return (
        f"{backup.folder}: {what}, {found.rows} rows, {size}, PostgreSQL {found.server}, "
        f"{written(found.created_at)}, {_state(backup)}"
    )


def _state(backup: Backup) -> str:
    if backup.fault is not None:
        return f"BROKEN: {backup.fault}"
    if backup.verdict is None:
        return "not verified"
    if backup.verdict.differences:
        return f"DIFFERENT: {backup.verdict.differences[0]}"
    return f"verified {written(backup.verdict.at)}"


def _as_json(backup: Backup) -> dict[str, Any]:
    import msgspec

    verdict = msgspec.to_builtins(backup.verdict)
    manifest = msgspec.to_builtins(backup.manifest)
    return {
        "folder": str(backup.folder),
        "fault": backup.fault,
        "verified": verdict,
        "manifest": manifest,
    }
