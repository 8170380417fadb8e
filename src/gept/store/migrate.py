"""Brings the schema up to date: numbered SQL files, each in a transaction of its own, once.

A file that was applied never changes: its checksum is kept. An advisory lock lets one process at a
time migrate, so that a fleet may start at once.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.resources import files
from typing import Any, LiteralString

import psycopg

from ..errors import StoreBroken
from .database import translated

LOCK = 7_305_119_001
OLDEST_SERVER = 14
OURS = "gept"
FILE = re.compile(r"(\d{4})_(\w+)\.sql")
TABLE = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        set text NOT NULL,
        number integer NOT NULL,
        name text NOT NULL,
        checksum text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (set, number)
    )
"""
THERE = "SELECT to_regclass('schema_migrations') IS NOT NULL"
APPLIED = "SELECT number, checksum, applied_at FROM schema_migrations WHERE set = %s"
RECORD = "INSERT INTO schema_migrations (set, number, name, checksum) VALUES (%s, %s, %s, %s)"


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema, and when it was applied here, if it was."""

    number: int
    name: str
    sql: LiteralString
    applied_at: datetime | None = None

    @property
    def checksum(self) -> str:
        """What tells one text of a file from another."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def shipped() -> list[Migration]:
    """Return the migrations that come with this version, in order."""
    found = [
        Migration(int(match[1]), match[2], file.read_text(encoding="utf-8"))
        for file in files(__package__).joinpath("migrations").iterdir()
        if (match := FILE.fullmatch(file.name))
    ]
    return sorted(found, key=lambda each: each.number)


def migrate(address: str) -> list[Migration]:
    """Apply what is missing and return it. Raises StoreAway or StoreBroken."""
    try:
        with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
            _refuse_old_server(connection.info.server_version // 10_000)
            if not pending(_status(connection)):
                return []
            connection.execute("SET lock_timeout = '5min'")
            connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
            connection.execute(TABLE)
            return [_apply(connection, each) for each in pending(_status(connection))]
    except psycopg.Error as error:
        raise translated(error) from error


def status(address: str) -> list[Migration]:
    """Return every migration, with when it was applied."""
    try:
        with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
            return _status(connection)
    except psycopg.Error as error:
        raise translated(error) from error


def pending(migrations: list[Migration]) -> list[Migration]:
    """Return those that were not applied."""
    return [each for each in migrations if each.applied_at is None]


def _status(connection: psycopg.Connection[Any]) -> list[Migration]:
    migrations = shipped()
    if connection.execute(THERE).fetchone() == (False,):
        return migrations
    applied = connection.execute(APPLIED, (OURS,)).fetchall()
    _refuse_strangers(migrations, {number: checksum for number, checksum, _ in applied})
    when = {number: applied_at for number, _, applied_at in applied}
    return [replace(each, applied_at=when.get(each.number)) for each in migrations]


def _refuse_old_server(major: int) -> None:
    if major < OLDEST_SERVER:
        raise StoreBroken(
            f"the server is PostgreSQL {major}, and gept needs {OLDEST_SERVER} or newer; upgrade "
            "it, or set DB_HOST or DATABASE_URL to another"
        )


def _refuse_strangers(migrations: list[Migration], applied: dict[int, str]) -> None:
    ours = {each.number: each for each in migrations}
    for number, checksum in sorted(applied.items()):
        if number not in ours:
            raise StoreBroken(
                f"the database has migration {number}, which this gept does not know; it was "
                "migrated by a newer gept: install that version"
            )
        if ours[number].checksum != checksum:
            raise StoreBroken(
                f"migration {number} ({ours[number].name}) is not the one that was applied to the "
                "database; install a released gept, whose migrations never change"
            )


def _apply(connection: psycopg.Connection[Any], migration: Migration) -> Migration:
    with connection.transaction():
        connection.execute(migration.sql)
        connection.execute(RECORD, (OURS, migration.number, migration.name, migration.checksum))
    return migration
