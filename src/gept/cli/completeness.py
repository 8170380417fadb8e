"""``gept completeness``."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from math import floor
from typing import TYPE_CHECKING, Any

import click

from .demo import refuse_nothing
from .moments import EVER, from_json, in_json

if TYPE_CHECKING:
    from ..model import Collector
    from ..store import Day, Store

MOST_DAYS = 36_500


@click.command("completeness")
@click.argument("names", metavar="[NAME…]", nargs=-1)
@click.option(
    "--days",
    metavar="N",
    type=click.IntRange(1, MOST_DAYS),
    help="The last N days only. Default: since the start.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, with every day.")
def command(names: tuple[str, ...], days: int | None, as_json: bool) -> None:
    """Show how much of what is wanted is there: of the last hour, day and week, and day by day."""
    from .. import app, settings

    loaded = settings.load()
    collectors = app.chosen(names, loaded)
    refuse_nothing(loaded, demo=False)
    with app.store(loaded) as store:
        told = [_told(store, each, days, app.now()) for each in collectors]
    click.echo(json.dumps(told, indent=2) if as_json else _table(told))


def _told(store: Store, collector: Collector, days: int | None, now: datetime) -> dict[str, Any]:
    from .. import app

    until, extent = app.ready(collector, now), store.extent(collector)
    sinces = [until - length for length in app.WINDOWS.values()]
    counts = store.count_missing_since(collector, sinces, until)
    since = EVER if days is None else max(until - timedelta(days=days), EVER)
    return {
        "collector": collector.name,
        "tables": collector.tables,
        "complete_until": in_json(extent.complete_until),
        "unbroken_since": in_json(extent.unbroken_since),
        "windows": {
            window: {"wanted": wanted, "missing": missing, "share": _share(wanted, missing)}
            for window, (missing, wanted) in zip(app.WINDOWS, counts, strict=True)
        },
        "days": [_day(each) for each in store.days(collector, since, until)],
    }


def _day(day: Day) -> dict[str, Any]:
    return {
        "day": day.day.isoformat(),
        "wanted": day.wanted,
        "done": day.done,
        "empty": day.empty,
        "missing": day.missing,
        "share": _share(day.wanted, day.missing),
    }


def _share(wanted: int, missing: int) -> float | None:
    return 1 - missing / wanted if wanted else None


def _table(told: list[dict[str, Any]]) -> str:
    titles = " ".join(f"{title:>8}" for title in ("1 h", "24 h", "7 d", "all days"))
    lines = [f"{'collector':<10} {titles}  {'complete until':<21} no gap since"]
    for each in told:
        shares = [_percent(window["share"]) for window in each["windows"].values()]
        wanted, missing = (sum(day[key] for day in each["days"]) for key in ("wanted", "missing"))
        shares.append(_percent(_share(wanted, missing)))
        columns = " ".join(f"{share:>8}" for share in shares)
        until, since = from_json(each["complete_until"]), from_json(each["unbroken_since"])
        lines.append(f"{each['collector']:<10} {columns}  {until:<21} {since}")
    return "\n".join([*lines, "", *_incomplete_days(told)])


def _incomplete_days(told: list[dict[str, Any]]) -> list[str]:
    found = [(day, each["collector"]) for each in told for day in each["days"] if day["missing"]]
    if not found:
        return ["every day is complete"]
    lines = [f"{'day':<10} {'collector':<10} {'wanted':>7} {'missing':>8} {'share':>8}"]
    for day, name in sorted(found, key=lambda each: each[0]["day"], reverse=True):
        share, missing = _percent(day["share"]), day["missing"]
        lines.append(f"{day['day']:<10} {name:<10} {day['wanted']:>7} {missing:>8} {share:>8}")
    return lines


def _percent(share: float | None) -> str:
    """Return a share as a person reads it; only what is whole is 100 %."""
    return "-" if share is None else f"{floor(share * 10_000) / 100:g} %"
