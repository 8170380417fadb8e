"""``gept gaps``."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from ..observe.lines import harmless
from .demo import demo_option, refuse_nothing, settings_of
from .moments import EVER, MOMENT, from_json, in_json, written

if TYPE_CHECKING:
    from ..model import Collector
    from ..store import Gap


@click.command("gaps")
@click.argument("names", metavar="[NAME…]", nargs=-1)
@click.option("--since", type=MOMENT, help="Look no further back. Default: the beginning.")
@click.option("--until", type=MOMENT, help="Look no further than before this. Default: now.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@demo_option
def command(
    names: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    as_json: bool,
    demo: bool,
) -> None:
    """List the ticks that are wanted and missing, as ranges with their cause."""
    from .. import app
    from ..errors import UsageError

    if since and until and since > until:
        raise UsageError(f"--since: {written(since)} is after {written(until)}; turn them round")
    loaded = settings_of(demo)
    collectors = app.chosen(names, loaded)
    refuse_nothing(loaded, demo=demo)
    found: list[dict[str, Any]] = []
    with app.store(loaded) as store:
        for collector in collectors:
            ready = app.ready(collector, app.now())
            end = min(until, ready) if until else ready
            begin = min(since or EVER, end)
            found += [_told(collector, gap) for gap in store.gaps(collector, begin, end)]
    click.echo(json.dumps(found, indent=2) if as_json else _table(found))


def _told(collector: Collector, gap: Gap) -> dict[str, Any]:
    return {
        "collector": collector.name,
        "since": in_json(gap.since),
        "until": in_json(gap.until),
        "ticks": gap.ticks,
        "cause": gap.cause,
        "repairable": collector.history is not None,
        "error": gap.error,
    }


def _table(found: list[dict[str, Any]]) -> str:
    if not found:
        return "no gaps"
    lines = [f"{'collector':<10} {'since':<20} {'until':<20} {'ticks':>7}  cause"]
    for gap in found:
        since, until = (from_json(gap[end]) for end in ("since", "until"))
        error = f" ({harmless(gap['error'])})" if gap["error"] else ""
        cause = gap["cause"].replace("_", " ") + error
        lines.append(f"{gap['collector']:<10} {since:<20} {until:<20} {gap['ticks']:>7}  {cause}")
    return "\n".join(lines)
