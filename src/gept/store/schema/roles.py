"""The roles of least privilege: who owns the schema, who writes its rows, and who reads them.

What is declared here is brought about again and again, by whoever may: a superuser, or an owner
of the database who may make roles. Objects of others in the same schema are left alone. What is
not yet ended of an adoption or a conversion goes to the owner, too, who may then end it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import class_row
from psycopg.sql import SQL, Composed, Identifier, Literal

from ...errors import StoreBroken, UsageError
from ..adoption.legacy import SCHEMA as LEGACY
from ..conversion.place import NEW, OLD
from ..faults import translated
from ..layouts.plain import LOCK
from ..layouts.timescale import Mode, look
from ..queries import named
from .migrate import NO_SETS, TABLE, Sets, shipped

MADE = re.compile(r"^CREATE (?:OR REPLACE )?(?:TABLE|VIEW|FUNCTION|AGGREGATE) (\w+)", re.MULTILINE)
BY_HAND = ("schema_migrations", "adoption", "adopted_conflicts")
"""Tables that no migration makes."""
ADOPTING = "SELECT to_regclass('adoption') IS NOT NULL"
ADOPTED = "SELECT source FROM adoption UNION SELECT part FROM adoption"
HIDDEN = "********"
WHO = """
    SELECT current_schema(), current_database(), current_user, rolsuper
    FROM pg_roles WHERE rolname = current_user
"""
LOGS_IN = "SELECT rolcanlogin FROM pg_roles WHERE rolname = %s"
NO_ADMIN = (
    "; only a superuser of the server can do this, or a role with CREATEROLE that owns the "
    "database and the tables: name it by DATABASE_URL_FILE for this one command"
)


@dataclass(frozen=True, slots=True)
class Roles:
    """The names of the three roles."""

    owner: str = "gept_owner"
    writer: str = "gept_writer"
    reader: str = "gept_reader"

    @property
    def names(self) -> tuple[str, str, str]:
        """All three."""
        return (self.owner, self.writer, self.reader)


@dataclass(frozen=True, slots=True)
class _Role:
    """How a role stands on the server."""

    name: str
    there: bool
    superuser: bool
    mighty: bool
    asking: bool
    member_of: list[str]


def declare(
    address: str,
    roles: Roles,
    passwords: Mapping[str, str],
    sets: Sets = NO_SETS,
    *,
    dry: bool = False,
) -> list[str]:
    """Bring the roles to their declared state, wholly or not at all; return the SQL that did.

    ``passwords`` are those of roles that shall log in: the server is told their hashes only, and
    the SQL that is returned has none. ``dry`` does it, and takes it back. Raises UsageError for
    roles that cannot be these, StoreAway or StoreBroken.
    """
    with _transaction(address, dry=dry) as connection:
        told: list[str] = []
        for step in _steps(connection, roles, passwords, sets):
            connection.execute(step)
            told.append(_readable(connection, step))
        return told


@contextmanager
def _transaction(address: str, *, dry: bool) -> Iterator[Connection[Any]]:
    try:
        with (
            psycopg.connect(address, connect_timeout=5, prepare_threshold=None) as connection,
            connection.transaction(force_rollback=dry),
        ):
            connection.execute(LOCK)
            yield connection
    except psycopg.errors.InsufficientPrivilege as error:
        raise StoreBroken(f"{' '.join(str(error).split())}{NO_ADMIN}") from error
    except psycopg.Error as error:
        raise translated(error) from error


def _steps(
    connection: Connection[Any], roles: Roles, passwords: Mapping[str, str], sets: Sets
) -> Iterator[Composed]:
    """Yield each statement when those before it are done, since they decide what is left."""
    yield from _people(connection, roles, passwords)
    yield from _running_policies(connection, roles)
    schema, database, us, superuser = connection.execute(WHO).fetchall()[0]
    if not superuser and us != roles.owner:
        yield SQL("GRANT {} TO {}").format(Identifier(roles.owner), Identifier(us))
    yield Composed([SQL(TABLE.strip())])
    about = {"owner": roles.owner, "writer": roles.writer, "reader": roles.reader}
    names = {name: Identifier(each) for name, each in about.items()}
    names |= {"schema": Identifier(schema), "database": Identifier(database)}
    for text in named("roles_rights").strip().split("\n\n"):
        yield SQL(text).format(**names)
    ours = {"names": [*_made(sets), *BY_HAND], **about, **_beside(connection)}
    for (text,) in connection.execute(named("roles_objects"), ours).fetchall():
        yield Composed([SQL(text)])


def _beside(connection: Connection[Any]) -> dict[str, Any]:
    """Return the schemas of adoption and conversion, and what was adopted, if anything."""
    [(adopting,)] = connection.execute(ADOPTING).fetchall()
    adopted = [name for (name,) in connection.execute(ADOPTED)] if adopting else None
    return {"legacy": LEGACY, "adopted": adopted, "converting": NEW, "converted": OLD}


def _made(sets: Sets) -> list[str]:
    """Return the names of all that the migrations make."""
    return sorted({name for each in shipped(sets) for name in MADE.findall(each.sql)})


def _people(
    connection: Connection[Any], roles: Roles, passwords: Mapping[str, str]
) -> Iterator[Composed]:
    with connection.cursor(row_factory=class_row(_Role)) as cursor:
        found = cursor.execute(named("roles_standing"), {"roles": list(roles.names)}).fetchall()
    for role in found:
        _refuse_unfit(role, roles)
    for role in found:
        name = Identifier(role.name)
        if not role.there:
            yield SQL("CREATE ROLE {} NOLOGIN").format(name)
        if role.mighty:
            less = "ALTER ROLE {} NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
            yield SQL(less).format(name)
        if (password := passwords.get(role.name)) is not None:
            hashed = _hashed(connection, role.name, password)
            yield SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(name, Literal(hashed))


def _running_policies(connection: Connection[Any], roles: Roles) -> Iterator[Composed]:
    """Let the owner log in where TimescaleDB runs policies: as the owner, who has to be able to."""
    with connection.cursor() as cursor:
        found = look(cursor)
    if found.mode is not Mode.TIMESCALE and not found.creatable:
        return
    if connection.execute(LOGS_IN, (roles.owner,)).fetchone() != (True,):
        yield SQL("ALTER ROLE {} LOGIN").format(Identifier(roles.owner))


def _refuse_unfit(role: _Role, roles: Roles) -> None:
    """Raise UsageError for a role that would have more rights than it is to have."""
    if role.superuser:
        raise UsageError(f"{role.name!r} is a superuser, who may do everything; name another role")
    if role.asking and role.name != roles.owner:
        raise UsageError(
            f"{role.name!r} is the role that gives out the rights now; run this as another, who "
            "administers the server"
        )
    if role.member_of and role.name != roles.owner:
        group = role.member_of[0]
        raise UsageError(
            f"{role.name!r} has the rights of {group!r} as well; take them away first: "
            f"REVOKE {group} FROM {role.name}"
        )


def _hashed(connection: Connection[Any], role: str, password: str) -> str:
    """Return what the server stores of a password, so that no log of it has the password."""
    made = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    return made.decode("ascii")


def _readable(connection: Connection[Any], step: Composed) -> str:
    text = step.as_string(connection)
    return re.sub(r"'SCRAM-SHA-256\$[^']*'", f"'{HIDDEN}'", text) + ";"
