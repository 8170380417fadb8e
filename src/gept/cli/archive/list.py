"""``gept archive list``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from ..layout import readable
from ..moments import written
from .found import names, shelf_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...archive.manifest import Manifest
    from ...archive.places import Place


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
    if not found:
        _refuse_absent(shelves[0].place)
    if as_json:
        days = [_as_json(each) for each in found]
        click.echo(json.dumps({"place": str(shelves[0].place), "days": days}, indent=2))
        return
    for each in found:
        click.echo("\n".join(_lines(each)))
    size = readable(sum(each.bytes for each in found))
    click.echo(f"{len(found)} days, {size} in {shelves[0].place}")


def _refuse_absent(place: Place) -> None:
    """Raise UsageError where there is no such place: a slip of the pen is no empty archive."""
    from ...errors import UsageError

    if not place.exists():
        raise UsageError(
            f"{place}: no archive is there; `gept archive write` makes one, --from names another"
        )


def _as_json(found: Manifest) -> dict[str, Any]:
    import msgspec

    told = ("table", "collector", "version", "rows", "bytes", "sha256", "checksum", "gept")
    return {
        "day": str(found.day),
        **{name: getattr(found, name) for name in (*told, "lacking")},
        "replaced": msgspec.to_builtins(found.replaced),
    }


def _lines(found: Manifest) -> Iterator[str]:
    """Yield what is told of a day, and of what it was before."""
    size = f"{found.rows:>9} rows {readable(found.bytes):>10}"
    gone = f", {found.lacking} rows too few" if found.lacking else ""
    of = f"version {found.version} of {written(found.archived_at)}{gone}"
    yield f"{found.table} {found.day} {size} {of}"
    for each in found.replaced:
        yield f"  before: {each.rows} rows, version {each.version}"
