"""``gept db retention``."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from ..layout import readable
from ..moments import written
from .found import database

if TYPE_CHECKING:
    from ...settings import Settings
    from ...store.layouts.retention import Part, Retention

PRECIOUS = "price_data_5min"
OFF = "off"


@click.command("retention")
@click.argument("table", required=False)
@click.argument("age", required=False)
@click.option("--force", is_flag=True, help=f"Allow it for {PRECIOUS}, too.")
@click.option("--yes", is_flag=True, help="Do it; without it, only what would be deleted is shown.")
def command(table: str | None, age: str | None, force: bool, yes: bool) -> None:
    """Show how long prices are kept; delete those of TABLE that are older than AGE, or `off`."""
    from ... import app, settings
    from ...store.layouts.retention import retention

    loaded = settings.load()
    _check(loaded, table, age, force)
    with database(loaded) as found, retention(found.needed) as kept:
        if table is None or age is None:
            for name in [table] if table else _tables():
                click.echo(_line(name, kept.kept(name)))
        elif age == OFF:
            kept.forget(table)
            click.echo(_line(table, None))
        else:
            _shorten(kept, table, _length(age), app.now(), yes=yes)


def _shorten(kept: Retention, table: str, length: timedelta, now: datetime, *, yes: bool) -> None:
    """Show what is older, and delete it where that is confirmed."""
    parts = kept.aged(table, now - length)
    for line in _doomed(table, parts):
        click.echo(line)
    if not yes:
        click.echo("nothing was done; add --yes to delete it")
    elif kept.lasts(table):
        kept.keep(table, length)
        click.echo(_line(table, length) + "; the first run is at once")
    elif parts:
        kept.drop(table, parts)
        click.echo(f"deleted; {table} has no policies here: run this again when more is to go")


def _doomed(table: str, parts: list[Part]) -> list[str]:
    if not parts:
        return [f"{table}: nothing would be deleted now"]
    size = readable(sum(each.bytes for each in parts))
    span = f"{written(parts[0].low)} to {written(parts[-1].high)}"
    lines = [
        f"  {written(each.low)} to {written(each.high)} {readable(each.bytes)}" for each in parts
    ]
    return [f"{table}: to be deleted now: {len(parts)} parts, {span}, {size}", *lines]


def _line(table: str, length: timedelta | None) -> str:
    if length is None:
        return f"{table}: kept for ever"
    return f"{table}: deleted after {length / timedelta(days=1):g} days"


def _tables() -> list[str]:
    from ...collectors import load_all

    tables = (each.table for each in load_all().values() if each.table.partition)
    return [each.journal or each.name for each in tables]


def _check(loaded: Settings, table: str | None, age: str | None, force: bool) -> None:
    """Refuse what must not be. Raises UsageError."""
    from ...errors import UsageError

    if table is not None and table not in _tables():
        raise UsageError(
            f"TABLE: {table!r} is no table of prices; take one of {', '.join(_tables())}"
        )
    if age is None or age == OFF:
        return
    least = loaded.horizon + timedelta(days=7)
    if _length(age) < least:
        raise UsageError(
            f"AGE: {age!r} is less than {least.days} days, within which gaps are still repaired; "
            "set more"
        )
    if table == PRECIOUS and not force:
        raise UsageError(
            f"{PRECIOUS} is what models are trained on, and years of it take weeks to collect "
            "again; add --force if it shall be deleted all the same"
        )


def _length(age: str) -> Any:
    from ...errors import UsageError
    from ...settings.readers import Wrong, duration

    try:
        return duration(age)
    except Wrong as error:
        raise UsageError(f"AGE: {age!r} {error}, or {OFF}") from error
