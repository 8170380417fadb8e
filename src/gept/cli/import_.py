"""``gept import``."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .moments import written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..legacy.duck import File, Held
    from ..store import Store

SHOWN = 5


@click.group("import")
def command() -> None:
    """Take over what older collectors have gathered."""


@command.command("duckdb")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--dry-run", "dry", is_flag=True, help="Only tell what would be imported.")
def duckdb(files: tuple[Path, ...], dry: bool) -> None:
    """Import player counts and items from DuckDB files; what gept has itself stays as it is."""
    from .. import app, settings
    from ..legacy import duck

    loaded, now = settings.load(), app.now()
    with ExitStack() as ending:
        opened = [ending.enter_context(duck.opened(each)) for each in files]
        work = [_prepared(file, held, now) for file in opened for held in file.tables]
        with app.store(loaded) as store:
            for each in work:
                each(store, dry)
    if dry:
        click.echo("nothing was imported; leave out --dry-run to do it")


def _prepared(file: File, held: Held, now: datetime) -> Players | Items:
    """Read all of a table, and tell what it holds; nothing is written before all are read."""
    from ..legacy.shapes import PLAYERS

    return Players(file, held, now) if held.shape is PLAYERS else Items(file, held, now)


class Players:
    """The import of player counts."""

    def __init__(self, file: File, held: Held, now: datetime) -> None:
        from ..legacy import players

        self._rows = partial(players.counts, file, held, now)
        self._now = now
        found = players.survey(file, held, now)
        span = f", {written(found.first)} to {written(found.last)}" if found.minutes else ""
        click.echo(f"{held}: {found.rows} rows, {found.minutes} minutes{span}")
        _tell_impossible(found.impossible, found.examples)
        if found.several:
            click.echo(f"  {found.several} minutes have several counts; the first of each is taken")

    def __call__(self, store: Store, dry: bool) -> None:
        """Enter them, batch by batch; a second time nothing is new."""
        from ..collectors import load_all

        collector, inserted, present, others = load_all()["players"], 0, 0, 0
        for batch in self._rows():
            done = store.enter_counts(collector, batch, self._now, dry=dry)
            inserted += done.inserted
            present += done.present
            for at, ours, theirs in done.others[: max(0, SHOWN - others)]:
                click.echo(f"  {written(at)}: {ours} is kept; the file has {theirs}")
            others += len(done.others)
        differ = f", {others} of them with another count, which stays" if others else ""
        click.echo(f"player_counts: {inserted} {_new(dry)}, {present} were there{differ}")


class Items:
    """The import of items."""

    def __init__(self, file: File, held: Held, now: datetime) -> None:
        from ..legacy import items

        found = items.listed(file, held, now)
        self._items = list(found.items.values())
        click.echo(f"{held}: {found.rows} rows, {len(self._items)} items")
        _tell_impossible(found.impossible, found.examples)

    def __call__(self, store: Store, dry: bool) -> None:
        """Enter those that are not known, and how the others were before gept knew them."""
        inserted, changes = store.enter_items(self._items, dry=dry)
        present = len(self._items) - inserted
        click.echo(f"items: {inserted} {_new(dry)}, {present} were there and stay as they are")
        click.echo(f"item_history: {changes} {_new(dry)}")


def _new(dry: bool) -> str:
    return "would be new" if dry else "new"


def _tell_impossible(count: int, examples: Sequence[str]) -> None:
    if count:
        more = ", …" if count > len(examples) else ""
        click.echo(f"  {count} rows cannot be and are left out: {'; '.join(examples)}{more}")
