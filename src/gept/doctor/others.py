"""What lies outside: backups, alerts, and the sources."""

from __future__ import annotations

from collections.abc import Iterator

from .finding import Finding, warning
from .subject import Subject


def backup(subject: Subject) -> Iterator[Finding]:
    """Whether there is a good backup that is not old."""
    yield warning("backup", "no backup is known", "back the database up each day, by pg_dump")


def alerts(subject: Subject) -> Iterator[Finding]:
    """Whether the rules are loaded that call a person."""
    yield warning(
        "alerts",
        "not known: gept cannot see what Prometheus has loaded",
        "load deploy/prometheus/rules, and give its address: gept doctor --prometheus URL",
    )


def sources(subject: Subject) -> Iterator[Finding]:
    """Whether the sources answer; asked only where that is wanted."""
    yield from ()
