"""``gept verify``."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from .demo import refuse_nothing
from .exits import Exit
from .moments import MOMENT, in_json, written

if TYPE_CHECKING:
    from ..jobs.verify import Verdict
    from ..model import Collector
    from ..settings import Settings
    from ..store import Difference, Made

USUAL = timedelta(days=7)
SHOWN = 20
COLUMNS = "{:<20}  {:>6}  {:<4}  {:>14}  {:>14}  {:>16}  {:>14}"


@dataclass(slots=True)
class Report:
    """What was found, hour by hour; ``differing`` are the verdicts of hours that differ still."""

    hours: int
    compared: int = 0
    asked_again: list[datetime] = field(default_factory=list)
    rebuilt: list[datetime] = field(default_factory=list)
    differing: list[Verdict] = field(default_factory=list)

    @property
    def differences(self) -> list[tuple[datetime, Difference]]:
        """Each difference that remains, with its hour."""
        return [(each.hour, one) for each in self.differing for one in each.differences]

    def take(self, verdict: Verdict) -> None:
        """Take notice of an hour, and tell what was done about it."""
        if verdict.rebuilt is not None:
            self.rebuilt.append(verdict.hour)
        else:
            self.compared += 1
        if verdict.asked:
            self.asked_again.append(verdict.hour)
        if verdict.differences:
            self.differing.append(verdict)
        if done := _done(verdict):
            click.echo(f"{written(verdict.hour)} {done}", err=True)


@click.command("verify")
@click.argument("name")
@click.option(
    "--since", type=MOMENT, help="Begin with this hour. Default: seven days before the end."
)
@click.option("--until", type=MOMENT, help="End before this hour. Default: now.")
@click.option("--repair", is_flag=True, help="Ask again for hours that differ.")
@click.option("--rebuild", is_flag=True, help="Make hours that are lost of their buckets.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def command(
    name: str,
    since: datetime | None,
    until: datetime | None,
    repair: bool,
    rebuild: bool,
    as_json: bool,
) -> None:
    """Hold hours against their twelve buckets of five minutes: the two agree exactly."""
    from threading import Event as Flag

    from .. import app, settings
    from ..app import work

    loaded = settings.load()
    made = _made(name, loaded)
    span = _span(made.whole, since, until, app.now())
    refuse_nothing(loaded, demo=False)
    report = Report(len(list(made.whole.schedule.between(*span))))
    stop = Flag()
    app.stop_on_signals(stop)
    with app.store(loaded, stop) as store:
        verifier = work.verifier(loaded, store, stop)

        def verify() -> None:
            for verdict in verifier.verify(made, span, repair=repair, rebuild=rebuild):
                report.take(verdict)

        app.until_stopped(verify, stop)
    click.echo(json.dumps(_told(report, span), indent=2) if as_json else _table(name, report))
    if stop.is_set():
        sys.exit(Exit.DATABASE)
    sys.exit(Exit.DIFFERENT if report.differing else Exit.OK)


def _made(name: str, settings: Settings) -> Made:
    from .. import app
    from ..errors import UsageError
    from ..store import Made

    [whole] = app.chosen([name], settings)
    if whole.parts is None:
        raise UsageError(f"{name} is not made of other buckets; hourly is")
    [parts] = app.chosen([whole.parts], settings)
    return Made(whole, parts)


def _span(
    collector: Collector, since: datetime | None, until: datetime | None, now: datetime
) -> tuple[datetime, datetime]:
    from ..errors import UsageError

    schedule = collector.schedule
    end = schedule.following(schedule.newest(now))
    end = min(schedule.ceil(until), end) if until else end
    begin = schedule.ceil(since or min(now, end) - USUAL)
    begin = max(begin, collector.history) if collector.history else begin
    if begin >= end:
        raise UsageError(f"--since: {written(begin)} leaves no hour before {written(end)}")
    return begin, end


def _done(verdict: Verdict) -> str:
    """Return what was done about an hour, in words; nothing for most."""
    if verdict.rebuilt is not None:
        return f"rebuilt from its buckets: {verdict.rebuilt.rows} rows"
    if not verdict.asked:
        return ""
    left = len(verdict.differences)
    error = f"; {verdict.error}" if verdict.error else ""
    outcome = f"{left} differences remain" if left else "it agrees now"
    return f"asked again ({verdict.asked} requests): {outcome}{error}"


def _told(report: Report, span: tuple[datetime, datetime]) -> dict[str, Any]:
    return {
        "since": in_json(span[0]),
        "until": in_json(span[1]),
        "hours": report.hours,
        "compared": report.compared,
        "asked_again": [in_json(each) for each in report.asked_again],
        "rebuilt": [in_json(each) for each in report.rebuilt],
        "differences": [_difference(*each) for each in report.differences],
    }


def _difference(hour: datetime, found: Difference) -> dict[str, Any]:
    return {
        "hour": in_json(hour),
        "item_id": found.item_id,
        "side": found.side,
        "price": found.price,
        "volume": found.volume,
        "mean_of_buckets": None if found.mean is None else float(found.mean),
        "volume_of_buckets": int(found.total),
    }


def _table(name: str, report: Report) -> str:
    left = report.hours - report.compared - len(report.rebuilt)
    found, lines = report.differences, []
    if found:
        heads = ("hour", "item", "side", "price", "volume", "mean of buckets", "their volume")
        lines = [COLUMNS.format(*heads), *(_line(*each) for each in found[:SHOWN])]
    if found[SHOWN:]:
        lines.append(f"… and {len(found) - SHOWN} more; --json lists all of them")
    done = f"{report.compared} hours compared, {len(report.asked_again)} asked again, "
    done += f"{len(report.rebuilt)} rebuilt"
    differ = f"{len(found)} differences in {len(report.differing)} hours" if found else "all agree"
    lines.append(f"{name}: {done}: {differ if report.compared else 'nothing to compare'}")
    if left:
        lines.append(f"{left} hours could not be compared: they or buckets of theirs are missing")
    return "\n".join(lines)


def _line(hour: datetime, found: Difference) -> str:
    price, mean = ("-" if each is None else each for each in (found.price, found.mean))
    at = written(hour)
    return COLUMNS.format(at, found.item_id, found.side, price, found.volume, mean, found.total)
