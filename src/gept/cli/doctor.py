"""``gept doctor``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING

import click

from .exits import Exit

if TYPE_CHECKING:
    from ..doctor import Finding, Subject
    from ..settings import Settings

MARKS = {"ok": "ok     ", "warning": "WARNING", "failure": "FAILURE"}


@click.command("doctor")
@click.option("--ask", is_flag=True, help="Ask each source one question, to see that it answers.")
@click.option("--prometheus", metavar="URL", help="Where your Prometheus is, to see its rules.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(ask: bool, prometheus: str | None, as_json: bool) -> None:
    """Examine this installation: what is well, what is not, and what to do. Changes nothing."""
    from ..errors import SettingsError

    try:
        found = _examined(ask, prometheus)
    except SettingsError as error:
        found = _wrong_settings(error.faults)
    failures = sum(each.level == "failure" for each in found)
    click.echo(json.dumps([asdict(each) for each in found], indent=2) if as_json else _table(found))
    sys.exit(Exit.UNHEALTHY if failures else Exit.OK)


def _examined(ask: bool, prometheus: str | None) -> list[Finding]:
    from .. import app, settings
    from ..doctor import Subject, examine
    from ..observe import logs

    logs.configure()
    loaded = settings.load()
    chosen, environ, here = app.chosen([], loaded), dict(os.environ), Path.cwd()
    subject = Subject(loaded, chosen, environ, here, app.now, ask=ask, prometheus=prometheus)
    with _reached(subject) as complete:
        return list(examine(complete))


@contextmanager
def _reached(subject: Subject) -> Iterator[Subject]:
    """Give a subject with its database, where one runs; none is started for it."""
    from dataclasses import replace

    from ..store import Database, Store

    where = _running(subject.settings)
    if where is None:
        yield subject
        return
    database = Database(where, size=1, pooled=subject.settings.db_pooler == "transaction")
    database.open()
    try:
        yield replace(subject, where=where, store=Store(database))
    finally:
        database.close()


def _running(settings: Settings) -> str | None:
    """Return the address of the database; None where it is gept's own and does not run."""
    from .. import app
    from ..store import address

    server = app.embedded(settings, Flag())
    return None if server is not None and not server.running else address(settings, server)


def _wrong_settings(faults: list[str]) -> list[Finding]:
    from ..doctor.finding import failure

    return [failure("environment", each, "mend it, and examine again") for each in faults]


def _table(found: list[Finding]) -> str:
    lines = []
    for each in found:
        lines.append(f"{MARKS[each.level]} {each.name:<12} {each.seen}")
        lines += [f"{'':<21}→ {each.remedy}"] if each.remedy else []
    counts = {level: sum(each.level == level for each in found) for level in MARKS}
    troubles = [_counted(counts[each], each) for each in ("warning", "failure")]
    return "\n".join([*lines, ", ".join([f"{counts['ok']} ok", *troubles])])


def _counted(many: int, what: str) -> str:
    return f"{many} {what}{'' if many == 1 else 's'}"
