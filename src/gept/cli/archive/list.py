"""``gept archive list``."""

from __future__ import annotations

import json

import click

from ..layout import readable
from ..moments import written
from .found import names, shelf_of


@click.command("list")
@click.argument("chosen", metavar="[NAME…]", nargs=-1)
@click.option("--from", "where", help="A folder, or s3://bucket/prefix. Default: GEPT_ARCHIVE.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def command(chosen: tuple[str, ...], where: str | None, as_json: bool) -> None:
    """List the days that an archive holds."""
    from ... import settings

    loaded = settings.load()
    shelves = [shelf_of(name, where, loaded) for name in chosen or names(loaded)]
    found = [
        manifest for each in shelves for day in each.days() if (manifest := each.manifest(day))
    ]
    if as_json:
        told = ("table", "collector", "version", "rows", "bytes", "sha256", "checksum", "gept")
        days = [
            {"day": str(each.day), **{name: getattr(each, name) for name in told}} for each in found
        ]
        click.echo(json.dumps({"place": str(shelves[0].place), "days": days}, indent=2))
        return
    for each in found:
        size = f"{each.rows:>9} rows {readable(each.bytes):>10}"
        click.echo(
            f"{each.table} {each.day} {size} version {each.version} of {written(each.archived_at)}"
        )
    size = readable(sum(each.bytes for each in found))
    click.echo(f"{len(found)} days, {size} in {shelves[0].place}")
