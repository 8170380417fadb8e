"""What is in the database: its schema, how tables are laid out, and whether the data come in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from ..collectors import migration_sets
from ..errors import StoreError
from ..model import Collector
from ..store import Store
from ..store.layouts.state import State, state
from ..store.layouts.timescale import Mode
from ..store.schema import migrate
from ..store.survey import Survey, reach
from .finding import Finding, failure, ok, warning
from .server import of_server
from .subject import Subject

LOOK_BACK = timedelta(days=7)
ON_ITS_WAY = timedelta(seconds=90)
SOON = timedelta(days=7)
BY_HAND = "gept db compress does it now, and tells what hinders it; the server's log has the rest"


@of_server
def migrations(subject: Subject, _: Survey) -> Iterator[Finding]:
    """Whether the schema is that of this version."""
    try:
        found = migrate.status(subject.where or "", migration_sets())
    except StoreError as error:
        yield failure("migrations", str(error), "the schema and this gept must fit")
        return
    pending = [str(each) for each in migrate.pending(found)]
    if pending:
        seen = f"{len(pending)} of {len(found)} are not applied, first {pending[0]}"
        yield failure("migrations", seen, "run gept db migrate, as the owner of the tables")
        return
    yield ok("migrations", f"all {len(found)} are applied")


@of_server
def compression(subject: Subject, _: Survey) -> Iterator[Finding]:
    """Whether old prices are compressed, where the server can."""
    found = state(subject.where or "")
    mode, why = found.extension.mode, found.extension.why
    if mode is not Mode.TIMESCALE:
        yield _without_compression(subject, found)
        return
    troubled = [each for each in found.policies if each.overdue]
    for each in troubled:
        remedy = "raise timescaledb.max_background_workers, and restart the server"
        yield failure("compression", f"the policy of {each.name} is not run", remedy)
    for fault in found.failures:
        seen = f"the last {fault.what} of {fault.name} failed: {fault.reason}"
        yield failure("compression", seen, BY_HAND)
    compressed = {each.name for each in found.policies if each.what == "compression"}
    for name in sorted({each.table.journal or each.table.name for each in _big(subject)}):
        if name not in compressed:
            yield warning("compression", f"{name} has no policy", "see: gept db status")
    if not troubled and not found.failures and compressed:
        yield ok("compression", f"{why}; policies for {', '.join(sorted(compressed))}")


def _without_compression(subject: Subject, found: State) -> Finding:
    why = found.extension.why
    if found.extension.available is None and found.extension.installed is None:
        return ok("compression", f"{why}; about 60 bytes a row")
    if found.extension.unloaded:
        return failure("compression", why, "do that to collect again")
    if closed := sum(each.closed for each in found.sizes):
        seen = f"{closed} compressed chunks cannot be read: {why}"
        return failure("compression", seen, "do that to read these rows again")
    return warning("compression", why, "do that to store a tenth of the bytes")


@of_server
def retention(subject: Subject, _: Survey) -> Iterator[Finding]:
    """Whether prices are deleted by age: the history is what they are for."""
    found = [each for each in state(subject.where or "").policies if each.what == "retention"]
    for each in found:
        remedy = f"SELECT remove_retention_policy('{each.name}'), unless that is what you want"
        seen = f"{each.name}: what is older than {each.after.days} days is deleted"
        yield warning("retention", seen, remedy)
    if not found:
        yield ok("retention", "off: nothing is deleted by age, the history is the product")


@of_server
def partitions(subject: Subject, _: Survey) -> Iterator[Finding]:
    """Whether the next days have their partitions already."""
    names = [each.table.journal or each.table.name for each in _big(subject)]
    found = reach(subject.where or "", names)
    short = [name for name, end in found.items() if end is None or end < subject.now() + SOON]
    if short:
        seen = f"less than {SOON.days} days ahead: {', '.join(short)}"
        remedy = "start gept up or gept collect, which make them"
        yield warning("partitions", seen, remedy)
        return
    native = "made four weeks ahead" if found else "of hypertables, made when they are needed"
    yield ok("partitions", native)


@of_server
def gaps(subject: Subject, _: Survey) -> Iterator[Finding]:
    """Whether a tick of the last seven days is missing."""
    if subject.store is None:
        return
    try:
        missing = _missing(subject, subject.store)
    except StoreError as error:
        yield failure("gaps", str(error), "run gept db migrate")
        return
    for name, count in missing.items():
        if count:
            seen = f"{name}: {count} ticks of the last {LOOK_BACK.days} days are missing"
            yield warning("gaps", seen, f"see why: gept gaps {name}")
    if not any(missing.values()):
        yield ok("gaps", f"none within the last {LOOK_BACK.days} days")


def _missing(subject: Subject, store: Store) -> dict[str, int]:
    """Return how many ticks each collector lacks."""
    now, found = subject.now(), {}
    for each in subject.collectors:
        until = each.schedule.newest(now - ON_ITS_WAY)
        found[each.name], _ = store.count_missing(each, until - LOOK_BACK, until)
    return found


@of_server
def processes(subject: Subject, _: Survey) -> Iterator[Finding]:
    """Whether every collector is followed by a process that lives."""
    followed = {name for each in subject.processes for name in each.collectors}
    left = [each.name for each in subject.collectors if each.name not in followed]
    if left:
        seen = f"nobody collects {', '.join(left)}"
        yield failure("processes", seen, "start gept up, or gept collect with these names")
        return
    where = ", ".join(f"{each.pid} on {each.host}" for each in subject.processes)
    yield ok("processes", f"every collector is followed, by {where}")


def _big(subject: Subject) -> list[Collector]:
    return [each for each in subject.collectors if each.table.partition is not None]
