"""``gept status``."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from ..observe.lines import harmless
from .backfill import resting
from .demo import demo_option, refuse_nothing, settings_of
from .exits import Exit
from .moments import from_json, in_json

if TYPE_CHECKING:
    from ..observe.health import Health
    from ..store import Extent, Process


JUST_STARTED = timedelta(seconds=2)


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@demo_option
def command(as_json: bool, demo: bool) -> None:
    """Show how fresh and how complete the data is."""
    from .. import app
    from ..observe.health import Health
    from ..store import LIVES

    loaded = settings_of(demo)
    now = app.now()
    health = Health(app.chosen([], loaded), lambda: now)
    refuse_nothing(loaded, demo=demo)
    with app.store(loaded) as store:
        app.watch(store, health, loaded.horizon)
        extents = {name: store.extent(state.collector) for name, state in health.states.items()}
        told = _status(health, extents, store.paused_backfills(), now)
        told["processes"] = [_process(each) for each in store.processes(now - LIVES)]
    click.echo(json.dumps(told, indent=2) if as_json else _table(told))
    sys.exit(Exit.UNHEALTHY if told["reasons"] else Exit.OK)


def _status(
    health: Health, extents: dict[str, Extent], paused: dict[str, datetime], now: datetime
) -> dict[str, Any]:
    collectors = []
    for name, state in health.states.items():
        lag = state.lag(now)
        collectors.append(
            {
                "collector": name,
                "healthy": state.trouble(now) is None,
                "tables": state.collector.tables,
                "newest_good_tick": in_json(state.newest),
                "complete_until": in_json(extents[name].complete_until),
                "unbroken_since": in_json(extents[name].unbroken_since),
                "lag_seconds": None if lag is None else lag.total_seconds(),
                "ticks_missing": state.missing,
                "completeness": dict(state.shares),
                "error": state.error,
                "backfill_paused_since": in_json(paused.get(name)),
            }
        )
    troubles = health.troubles()
    return {
        "timestamp": in_json(now),
        "status": "unhealthy" if troubles else "ok",
        "reasons": troubles,
        "collectors": collectors,
    }


def _process(process: Process) -> dict[str, Any]:
    return {
        "host": process.host,
        "pid": process.pid,
        "version": process.version,
        "started_at": in_json(process.started_at),
        "beat_at": in_json(process.beat_at),
        "collectors": process.collectors,
        "leads": process.leads,
        "last_ticks": process.last_ticks,
        "spooled": process.spooled,
    }


def _table(told: dict[str, Any]) -> str:
    titles = (
        f"{'collector':<10} {'state':<10} {'newest good tick':<21} {'behind':>9} {'missing':>8}"
    )
    lines = [f"{titles}  {'complete until':<21} tables"]
    for each in told["collectors"]:
        at, until = (from_json(each[key]) for key in ("newest_good_tick", "complete_until"))
        behind = "-" if each["lag_seconds"] is None else f"{each['lag_seconds']:.0f} s"
        state = "ok" if each["healthy"] else "stale"
        missing = "-" if each["ticks_missing"] is None else each["ticks_missing"]
        lines.append(
            f"{each['collector']:<10} {state:<10} {at:<21} {behind:>9} {missing:>8}"
            f"  {until:<21} {', '.join(each['tables'])}"
        )
    for each in told["processes"]:
        waits = f", {each['spooled']} answers wait on its disk" if each["spooled"] else ""
        lines.append(
            f"process {each['pid']} on {each['host']}, gept {each['version']}: {_part(each)}{waits}"
        )
    lines += [
        resting(each["collector"], datetime.fromisoformat(since))
        for each in told["collectors"]
        if (since := each["backfill_paused_since"])
    ]
    return "\n".join([*lines, *(f"! {harmless(reason)}" for reason in told["reasons"])])


def _part(process: dict[str, Any]) -> str:
    """Return what a process does; its first heart beat comes before it can lead anything."""
    if process["leads"]:
        return f"leads {', '.join(process['leads'])}"
    started, beat = (datetime.fromisoformat(process[key]) for key in ("started_at", "beat_at"))
    return "starts" if beat - started < JUST_STARTED else "stands by"
