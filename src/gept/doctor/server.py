"""The server of the database: whether it answers, and whether it keeps what it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import wraps

from ..store.schema.migrate import OLDEST_SERVER
from ..store.survey import Survey, host_of
from .finding import Finding, failure, ok, warning
from .subject import Subject

MUST_BE_ON: Mapping[str, str] = {
    "fsync": "a crash of the machine can spoil the whole database",
    "full_page_writes": "a crash of the machine can tear pages of the database",
    "autovacuum": "tables grow without end, and the server stops when transaction ids run out",
}
LARGEST_SKEW = 5.0
PER_PROCESS = 10
"""Connections of one process: eight of its pool, its lead, and one for the schema."""

OfServer = Callable[[Subject, Survey], Iterator[Finding]]


def of_server(check: OfServer) -> Callable[[Subject], Iterator[Finding]]:
    """Return a check of a server that answers; where none does, ``database`` has told it."""

    @wraps(check)
    def run(subject: Subject) -> Iterator[Finding]:
        if isinstance(subject.database, Survey):
            yield from check(subject, subject.database)

    return run


def database(subject: Subject) -> Iterator[Finding]:
    """Whether the database answers."""
    found = subject.database
    if found is None:
        yield warning(
            "database",
            "gept's own PostgreSQL does not run, so nothing of it was looked at",
            "begin with: gept up",
        )
    elif isinstance(found, Survey):
        yield ok("database", f"PostgreSQL {_version(found)} answers {found.role}")
    else:
        yield failure("database", str(found), "mend that first; the rest depends on it")


@of_server
def version(subject: Subject, found: Survey) -> Iterator[Finding]:
    """Whether the server is one that gept is made for."""
    if found.version // 10_000 < OLDEST_SERVER:
        seen = f"PostgreSQL {_version(found)}"
        yield failure("version", seen, f"upgrade the server to {OLDEST_SERVER} or newer")
        return
    yield ok("version", f"PostgreSQL {_version(found)}")


@of_server
def durability(subject: Subject, found: Survey) -> Iterator[Finding]:
    """Whether what is committed survives a crash, and the server goes on for years."""
    lost = [name for name in MUST_BE_ON if found.settings.get(name) == "off"]
    for name in lost:
        remedy = f"ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf()"
        yield failure("durability", f"{name} is off: {MUST_BE_ON[name]}", remedy)
    if found.settings.get("synchronous_commit") == "off":
        yield warning(
            "durability",
            "synchronous_commit is off: a crash loses the newest commits, rows and ledger alike; "
            "buckets are asked for again, minutes are not",
            "ALTER SYSTEM SET synchronous_commit = on; SELECT pg_reload_conf()",
        )
    elif not lost:
        yield ok("durability", "fsync, full_page_writes, synchronous_commit, autovacuum are on")


@of_server
def connections(subject: Subject, found: Survey) -> Iterator[Finding]:
    """Whether there is room for the connections of one more process of gept."""
    allowed = int(found.settings["max_connections"])
    allowed -= int(found.settings["superuser_reserved_connections"])
    seen = f"{found.connections} of {allowed} connections are in use"
    if allowed - found.connections < PER_PROCESS:
        remedy = f"raise max_connections: one process of gept may use {PER_PROCESS}"
        yield warning("connections", seen, remedy)
        return
    yield ok("connections", seen)


@of_server
def limits(subject: Subject, found: Survey) -> Iterator[Finding]:
    """Whether the server ends what gept keeps open on purpose."""
    names = ("idle_session_timeout", "transaction_timeout")
    ended = [name for name in names if found.settings.get(name, "0") != "0"]
    for name in ended:
        yield warning(
            "limits",
            f"{name} is {found.settings[name]}: the server ends connections that lead collectors",
            f"ALTER ROLE {found.role} SET {name} = 0",
        )
    if not ended:
        yield ok("limits", "the server ends no idle sessions and no long transactions")


@of_server
def memory(subject: Subject, found: Survey) -> Iterator[Finding]:
    """Whether the server has been given memory; its default is for the smallest machines."""
    shared = found.settings["shared_buffers"]
    if not subject.settings.embedded and _mebibytes(shared) < 128:
        remedy = "set it to a quarter of the memory of its machine, and restart the server"
        yield warning("memory", f"shared_buffers is {shared}", remedy)
        return
    yield ok("memory", f"shared_buffers is {shared}")


@of_server
def role(subject: Subject, found: Survey) -> Iterator[Finding]:
    """Whether the role may do what it must, and no more."""
    if subject.settings.embedded:
        yield ok("role", "gept's own PostgreSQL lets in nobody but its user")
    elif found.superuser:
        remedy = "collect as a role that may only write: see gept db roles"
        yield warning("role", f"{found.role} is a superuser", remedy)
    elif found.makes_tables:
        remedy = "collect as a role that may only write: see gept db roles"
        yield warning("role", f"{found.role} may change the schema", remedy)
    elif found.not_written:
        names = ", ".join(found.not_written)
        remedy = "well for a reader; for collecting, let gept db roles grant what is missing"
        yield warning("role", f"{found.role} may not write {names}", remedy)
    else:
        yield ok("role", f"{found.role} may write, and not change the schema")


@of_server
def encryption(subject: Subject, found: Survey) -> Iterator[Finding]:
    """Whether others on the network can read along."""
    host = host_of(subject.where or "")
    if host is None:
        yield ok("encryption", "the database is on this machine")
    elif found.encrypted:
        yield ok("encryption", f"the connection to {host} is encrypted")
    else:
        remedy = "switch TLS on at the server, and set DB_SSLMODE=verify-full and DB_SSLROOTCERT"
        yield failure("encryption", f"the connection to {host} is not encrypted", remedy)


@of_server
def clock(subject: Subject, found: Survey) -> Iterator[Finding]:
    """Whether our clock and that of the database agree."""
    skew = (subject.now() - found.clock).total_seconds()
    if abs(skew) > LARGEST_SKEW:
        side = "ahead of" if skew > 0 else "behind"
        seen = f"the clock of this machine is {abs(skew):.0f} s {side} that of the database"
        yield failure("clock", seen, "keep both right by NTP")
        return
    yield ok("clock", "agrees with that of the database")


def _version(found: Survey) -> str:
    return f"{found.version // 10_000}.{found.version % 10_000}"


def _mebibytes(amount: str) -> float:
    """Return an amount in the words of the server, such as ``16MB``, in MiB."""
    units = {"kB": 1 / 1024, "MB": 1, "GB": 1024, "TB": 1024**2, "B": 1 / 1024**2}
    for unit, factor in units.items():
        if amount.endswith(unit):
            return float(amount.removesuffix(unit)) * factor
    return float(amount)
