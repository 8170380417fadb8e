"""What lies outside: backups, alerts, and the sources."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from http.client import HTTPException
from threading import Event as Flag
from time import monotonic
from typing import Any

from .. import upstream
from ..backup.folder import listed
from ..errors import BackupError, UpstreamError
from ..events import LARGEST_SKEW, Event, Fetched
from ..model import Collector, Tick
from . import probe
from .finding import Finding, failure, ok, warning
from .subject import Subject

PATIENCE = 10.0
RULE = "CollectorStale"
"""An alert of ours that tells that our rules are loaded."""


MAKE_BACKUP = "run gept backup each day, such as by gept-backup.timer"
TRY_BACKUP = "run gept backup verify each week, such as by gept-verify.timer"
OLD_BACKUP = timedelta(days=2)


def backup(subject: Subject) -> Iterator[Finding]:
    """Whether there is a good backup that is not old, and whether it was tried."""
    folder = subject.settings.backups
    try:
        found, faults = listed(folder)
    except BackupError as error:
        yield warning("backup", str(error), MAKE_BACKUP)
        return
    sound = [each for each in found if each.whole and each.sound]
    faulty = len(faults) + sum(not each.sound for each in found)
    if faulty:
        yield failure("backup", f"{faulty} in {folder} are not sound", "gept backup list tells why")
    yield _newest(max((each.manifest.created_at for each in sound), default=None), subject)
    if sound and not any(each.verdict for each in sound):
        yield warning("backup", "none was ever restored to try it", TRY_BACKUP)


def _newest(at: datetime | None, subject: Subject) -> Finding:
    if at is None:
        return warning("backup", f"there is none in {subject.settings.backups}", MAKE_BACKUP)
    seen = f"the newest whole one is of {at:%Y-%m-%d %H:%M}Z"
    if subject.now() - at > OLD_BACKUP:
        return failure("backup", f"{seen}, older than {OLD_BACKUP.days} days", MAKE_BACKUP)
    return ok("backup", seen)


def alerts(subject: Subject) -> Iterator[Finding]:
    """Whether Prometheus has the rules that call a person, and reads what they are about."""
    if subject.prometheus is None:
        yield warning(
            "alerts",
            "not known: gept cannot see what Prometheus has loaded",
            "load deploy/prometheus/rules, and give its address: gept doctor --prometheus URL",
        )
        return
    shown = probe.without_login(subject.prometheus)
    try:
        yield from _watched(subject.prometheus, shown)
    except (OSError, HTTPException, ValueError, LookupError, TypeError) as error:
        seen = f"{shown} does not answer as Prometheus does: {error}"
        yield failure(
            "alerts", seen, "give the address of its pages, such as http://localhost:9090"
        )


def _watched(prometheus: str, shown: str) -> Iterator[Finding]:
    groups = probe.json_of(prometheus, "/api/v1/rules?type=alert")["data"]["groups"]
    names = {rule["name"] for group in groups for rule in group["rules"]}
    if RULE in names:
        yield ok("alerts", f"{len(names)} alerts are loaded in {shown}")
    else:
        seen = f"{shown} has no alert {RULE}"
        yield failure("alerts", seen, "load deploy/prometheus/rules there")
    targets = probe.json_of(prometheus, "/api/v1/targets?state=active")["data"]["activeTargets"]
    yield from _targets([each for each in targets if each["labels"].get("job") == "gept"])


def _targets(targets: list[dict[str, Any]]) -> Iterator[Finding]:
    if not targets:
        remedy = "add the job of deploy/prometheus/prometheus.yml: the alerts look for its name"
        yield failure("scraping", "Prometheus has no targets of the job gept", remedy)
    for each in targets:
        if each["health"] != "up":
            seen = f"Prometheus cannot read {each['scrapeUrl']}: {each['lastError']}"
            yield failure("scraping", seen, "let it in, or correct its targets")


def sources(subject: Subject) -> Iterator[Finding]:
    """Whether the sources answer; each is asked one question, and only where that is wanted."""
    if not subject.ask:
        yield ok("sources", "not asked: --ask asks each of them one question")
        return
    by_source = {each.source.name: each for each in reversed(subject.collectors)}
    with upstream.client(subject.settings) as client:
        for collector in by_source.values():
            skews: list[float] = []
            asking = upstream.Upstream(
                client, subject.settings, _keeping(skews), _once(), subject.now
            )
            yield _answer_of(asking, collector, subject, skews)


def _answer_of(
    asking: upstream.Upstream, collector: Collector, subject: Subject, skews: list[float]
) -> Finding:
    name, now = collector.source.name, subject.now()
    tick = collector.schedule.newest(now)
    request = next(iter(collector.requests(Tick(tick, now))))
    try:
        asking.get(request, monotonic() + PATIENCE)
    except UpstreamError as error:
        remedy = "see whether this machine gets out, and whether the source has troubles"
        return failure("sources", f"{name}: {error}", remedy)
    if skews and abs(skews[0]) > LARGEST_SKEW:
        seen = f"{name} answers; our clock differs by {skews[0]:.0f} s"
        return failure("sources", seen, "set the clock of this machine, and keep it right by NTP")
    return ok("sources", f"{name} answers")


def _once() -> Flag:
    """Return a flag that says to stop: then nothing is tried again."""
    flag = Flag()
    flag.set()
    return flag


def _keeping(skews: list[float]) -> Any:
    def observe(event: Event) -> None:
        if isinstance(event, Fetched) and event.skew is not None:
            skews.append(event.skew)

    return observe
