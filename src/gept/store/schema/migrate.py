"""Brings the schema up to date: numbered SQL files, once, and all that are missing or none.

A file that was applied never changes: its checksum is kept. An advisory lock lets one process at a
time migrate, so that a fleet may start at once; it ends with the transaction, whatever happens.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, LiteralString

import psycopg

from ...declaration import MIGRATION
from ...errors import StoreAway, StoreBroken, StoreError
from ..faults import translated

LOCK = 7_305_119_001
OLDEST_SERVER = 14
ENCODING = "UTF8"
STORE = "gept.store"
OURS = "gept"
Sets = Mapping[str, str]
NO_SETS: Sets = {}
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
THERE = """
    SELECT EXISTS (SELECT FROM pg_attribute
                   WHERE attrelid = to_regclass('schema_migrations') AND attname = 'set')
"""
RELATION = re.compile(r"CREATE (?:TABLE|VIEW) (\w+)")
IN_THE_WAY = """
    SELECT relname::text FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relname = ANY (%s) ORDER BY relname
"""
APPLIED = "SELECT number, checksum, applied_at FROM schema_migrations WHERE set = %s"
ELSEWHERE = """
    SELECT number, name, applied_at, set FROM schema_migrations
    WHERE set <> ALL(%s) ORDER BY set, number
"""
RECORD = "INSERT INTO schema_migrations (set, number, name, checksum) VALUES (%s, %s, %s, %s)"


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema, whose it is, and when it was applied here, if it was."""

    number: int
    name: str
    sql: LiteralString
    applied_at: datetime | None = None
    set: str = OURS
    package: str = OURS

    def __str__(self) -> str:
        of = "" if self.set == OURS else f" of {self.package}"
        return f"migration {self.number} ({self.name}){of}"

    @property
    def checksum(self) -> str:
        """What tells one text of a file from another."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def shipped(sets: Sets = NO_SETS) -> list[Migration]:
    """Return the migrations that come with this version, then those of other packages, in order."""
    found = _of_package(OURS, STORE)
    for name, package in sorted(sets.items()):
        found += _of_package(name, package)
    return found


def _of_package(name: str, package: str) -> list[Migration]:
    found = [
        Migration(int(match[1]), match[2], _text(file, package), set=name, package=package)
        for file in files(package).joinpath("migrations").iterdir()
        if (match := MIGRATION.fullmatch(file.name))
    ]
    return sorted(found, key=lambda each: each.number)


def _text(file: Traversable, package: str) -> LiteralString:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise StoreBroken(f"{file.name} of {package} is not UTF-8 text: write it so") from error


def migrate(address: str, sets: Sets = NO_SETS) -> list[Migration]:
    """Apply what is missing and return it. Raises StoreAway or StoreBroken.

    ``sets`` names the migrations of other packages: the set, and the package with ``migrations/``.
    """
    try:
        with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
            _refuse_old_server(connection.info.server_version // 10_000)
            _refuse_encoding(connection.info.parameter_status("server_encoding"))
            if not pending(_status(connection, sets)):
                return []
            with connection.transaction():
                connection.execute("SET LOCAL lock_timeout = '5min'")
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
                _refuse_older_database(connection)
                return apply(connection, sets)
    except psycopg.Error as error:
        raise translated(error) from error


def apply(connection: psycopg.Connection[Any], sets: Sets) -> list[Migration]:
    """Apply what is missing in the caller's transaction, which holds the lock; return it."""
    connection.execute(TABLE)
    return [_apply(connection, each) for each in pending(_status(connection, sets))]


def relations() -> set[str]:
    """Return the names of all tables and views that gept's own migrations make."""
    made = {name for each in shipped() for name in RELATION.findall(each.sql)}
    return made | {"schema_migrations"}


def begun(connection: psycopg.Connection[Any]) -> bool:
    """Tell whether the database has any of gept's own migrations."""
    if connection.execute(THERE).fetchone() == (False,):
        return False
    return connection.execute(APPLIED, (OURS,)).fetchone() is not None


def status(address: str, sets: Sets = NO_SETS) -> list[Migration]:
    """Return every migration, with when it was applied; those of packages long gone as well."""
    try:
        with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
            return _status(connection, sets) + _elsewhere(connection, sets)
    except psycopg.Error as error:
        raise translated(error) from error


def pending(migrations: list[Migration]) -> list[Migration]:
    """Return those that were not applied."""
    return [each for each in migrations if each.applied_at is None]


def _status(connection: psycopg.Connection[Any], sets: Sets) -> list[Migration]:
    migrations = shipped(sets)
    if connection.execute(THERE).fetchone() == (False,):
        return migrations
    when: dict[tuple[str, int], datetime] = {}
    for name in (OURS, *sets):
        applied = connection.execute(APPLIED, (name,)).fetchall()
        ours = [each for each in migrations if each.set == name]
        _refuse_strangers(
            ours,
            {number: checksum for number, checksum, _ in applied},
            sets.get(name, OURS),
        )
        when |= {(name, number): applied_at for number, _, applied_at in applied}
    return [replace(each, applied_at=when.get((each.set, each.number))) for each in migrations]


def _elsewhere(connection: psycopg.Connection[Any], sets: Sets) -> list[Migration]:
    """Return what was applied for packages that are not installed."""
    if connection.execute(THERE).fetchone() == (False,):
        return []
    found = connection.execute(ELSEWHERE, ([OURS, *sets],)).fetchall()
    return [Migration(number, name, "", at, of) for number, name, at, of in found]


def _refuse_older_database(connection: psycopg.Connection[Any]) -> None:
    """Raise StoreBroken where tables of another system have the names of gept's."""
    if begun(connection):
        return
    ours = relations()
    if connection.execute(THERE).fetchone() == (True,):
        ours -= {"schema_migrations"}
    found = [name for (name,) in connection.execute(IN_THE_WAY, (sorted(ours),))]
    if found:
        raise StoreBroken(
            f"the database has tables that gept did not make: {', '.join(found)}; see by "
            "`gept db adopt` how it takes them over without losing a row; nothing was changed"
        )


def _refuse_old_server(major: int) -> None:
    if major < OLDEST_SERVER:
        raise StoreBroken(
            f"the server is PostgreSQL {major}, and gept needs {OLDEST_SERVER} or newer; upgrade "
            "it, or set DB_HOST or DATABASE_URL to another"
        )


def _refuse_encoding(encoding: str | None) -> None:
    """Raise StoreBroken where the database cannot hold every text, or holds bytes for texts."""
    if encoding not in {ENCODING, None}:  # not every pooler tells it
        raise StoreBroken(
            f"the database has the encoding {encoding}, and gept needs {ENCODING}; make another by "
            f"CREATE DATABASE … TEMPLATE template0 ENCODING '{ENCODING}', and name it by DB_NAME "
            "or DATABASE_URL"
        )


def _refuse_strangers(migrations: list[Migration], applied: dict[int, str], package: str) -> None:
    """Raise StoreBroken where a package is older than the database, or has changed its past."""
    ours = {each.number: each for each in migrations}
    for number, checksum in sorted(applied.items()):
        if number not in ours:
            raise StoreBroken(
                f"the database has migration {number} of {package}, which this {package} does not "
                f"know; it was migrated by a newer {package}: install that version"
            )
        if ours[number].checksum != checksum:
            raise StoreBroken(
                f"{ours[number]} is not the one that was applied to the database; install a "
                f"released {package}, whose migrations never change"
            )


def _apply(connection: psycopg.Connection[Any], migration: Migration) -> Migration:
    try:
        connection.execute(migration.sql)
    except psycopg.Error as error:
        raise _not_applied(migration, error) from error
    about = (migration.set, migration.number, migration.name, migration.checksum)
    connection.execute(RECORD, about)
    return migration


def _not_applied(migration: Migration, error: psycopg.Error) -> StoreError:
    """Return the error of a migration, which names it where the fault is its own."""
    found = translated(error)
    if isinstance(found, StoreAway) or migration.set == OURS:
        return found
    return StoreBroken(
        f"{migration} cannot be applied: {' '.join(str(error).split())}; mend or uninstall "
        f"{migration.package}"
    )
