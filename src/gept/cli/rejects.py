"""``gept rejects``."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from ..model import Kind
from ..observe.lines import harmless
from .demo import refuse_nothing
from .moments import EARLIEST, MOMENT, in_json, written

if TYPE_CHECKING:
    from ..store import Reject, RejectCount

WIDEST = 100


@click.command("rejects")
@click.argument("names", metavar="[NAME…]", nargs=-1)
@click.option("--since", type=MOMENT, help="Rejected since then. Default: all that are kept.")
@click.option("--kind", type=click.Choice([each.value for each in Kind]), help="Only this kind.")
@click.option(
    "--limit",
    type=click.IntRange(0, 100_000),
    default=20,
    show_default=True,
    help="How many of them to show.",
)
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def command(
    names: tuple[str, ...], since: datetime | None, kind: str | None, limit: int, as_json: bool
) -> None:
    """Count the entries of answers that could not be rows, and show the newest of them."""
    from .. import app, settings
    from ..store import Search

    loaded = settings.load()
    collectors = [each.name for each in app.chosen(names, loaded)]
    refuse_nothing(loaded, demo=False)
    search = Search(collectors, since or EARLIEST, Kind(kind) if kind else None)
    with app.store(loaded) as store:
        counts, newest = store.count_rejects(search), store.rejects(search, limit)
    click.echo(_json(counts, newest) if as_json else _table(counts, newest))


def _json(counts: list[RejectCount], newest: list[Reject]) -> str:
    told: dict[str, Any] = {
        "counts": [asdict(each) for each in counts],
        "newest": [asdict(each) for each in newest],
    }
    return json.dumps(told, indent=2, default=in_json)


def _table(counts: list[RejectCount], newest: list[Reject]) -> str:
    if not counts:
        return "no entries were rejected"
    lines = [f"{'collector':<10} {'kind':<13} {'entries':>8} {'times':>8}  newest"]
    lines += [
        f"{each.collector:<10} {each.kind:<13} {each.entries:>8} {each.times:>8}  "
        f"{written(each.newest)}"
        for each in counts
    ]
    lines += [
        f"\n{each.collector} {written(each.tick)} {harmless(f'{each.entry}: {each.reason}')}\n"
        f"  {_short(each.payload)}"
        for each in newest
    ]
    return "\n".join(lines)


def _short(payload: str) -> str:
    """Return the beginning of a payload on one line of a terminal."""
    text = harmless(payload[:WIDEST])
    return text if len(payload) <= WIDEST else f"{text}…"
