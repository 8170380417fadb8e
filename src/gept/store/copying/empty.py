"""Empty databases: made, looked at, made ready for what is to be restored, and dropped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import conninfo
from psycopg.sql import SQL, Identifier, Literal

from ...errors import StoreBroken
from ..layouts import timescale
from ..queries import named
from ..session import session

CREATE = SQL("CREATE DATABASE {} TEMPLATE template0")
DROP = SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
EXTENSION = SQL("CREATE EXTENSION timescaledb VERSION {}")
HAS_VERSION = """
    SELECT EXISTS (SELECT FROM pg_available_extension_versions
                   WHERE name = 'timescaledb' AND version = %s)
"""


def at(address: str, database: str) -> str:
    """Return the address of another database of the same server."""
    return conninfo.make_conninfo(address, dbname=database)


def make(address: str, name: str) -> None:
    """Make an empty database beside that of an address. Raises StoreBroken where none may be."""
    with session(address) as connection:
        try:
            connection.execute(CREATE.format(Identifier(name)))
        except psycopg.errors.DuplicateDatabase:
            raise StoreBroken(f"the database {name} is there already; name another") from None
        except psycopg.errors.InsufficientPrivilege:
            role = connection.info.user
            raise StoreBroken(
                f"the role {role} may not make the database {name}; let an administrator run "
                f"ALTER ROLE {role} CREATEDB, or make that database, owned by {role}"
            ) from None


def drop(address: str, name: str) -> None:
    """Drop a database beside that of an address, if it is there."""
    with session(address) as connection:
        connection.execute(DROP.format(Identifier(name)))


def first_thing(address: str) -> str | None:
    """Return the name of something that somebody made in a database; None where it is empty."""
    with session(address) as connection:
        found = connection.execute(named("first_thing")).fetchone()
        return str(found[0]) if found else None


@contextmanager
def awaiting(address: str, version: str | None) -> Iterator[None]:
    """Let a database be restored that had a version of TimescaleDB, or none.

    Raises StoreBroken where this server cannot take it.
    """
    if version is None:
        yield
        return
    with session(address) as connection:
        _see_to_extension(connection, version)
        _let_restore(connection)
        try:
            yield
        finally:
            with suppress(psycopg.OperationalError):
                connection.execute("SELECT timescaledb_post_restore()")


def _let_restore(connection: psycopg.Connection[Any]) -> None:
    try:
        connection.execute("SELECT timescaledb_pre_restore()")
    except psycopg.errors.InsufficientPrivilege:
        raise StoreBroken(
            f"TimescaleDB lets only a superuser of the server restore, not {connection.info.user}: "
            "name one by DATABASE_URL_FILE for this one command"
        ) from None


def _see_to_extension(connection: psycopg.Connection[Any], version: str) -> None:
    with connection.cursor() as cursor:
        found = timescale.look(cursor)
    if found.installed == version and found.preloaded:
        return
    needs = f"the backup needs TimescaleDB {version}"
    if found.available is None:
        raise StoreBroken(f"{needs}, which this server does not have; install it, or take another")
    if not found.preloaded:
        raise StoreBroken(
            f"{needs}, which this server does not load; add timescaledb to "
            "shared_preload_libraries and restart it"
        )
    [(there,)] = connection.execute(HAS_VERSION, (version,)).fetchall()
    if not there or found.installed is not None:
        raise StoreBroken(
            f"{needs}, and here is {found.installed or found.available}; install that version, "
            "restore into an empty database without the extension, and update it afterwards"
        )
    connection.execute(EXTENSION.format(Literal(version)))
