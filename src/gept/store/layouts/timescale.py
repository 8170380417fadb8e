"""Hypertables: what TimescaleDB adds where the server has it.

A table is brought to its declared state again and again: what is as it should be is left alone.
Only the names that every version from 2.11 on knows are used. A table that has rows already stays
as it is: turning it would lock it for long, which is for a person to begin.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, LiteralString, cast

import psycopg
from psycopg import Cursor
from psycopg.rows import class_row
from psycopg.sql import SQL, Identifier, Literal

from ...errors import StoreAway
from ...model import Table
from ..faults import translated
from ..queries import named
from . import policies

OLDEST = (2, 11)
LOCK = SQL("SELECT pg_advisory_xact_lock(hashtext('gept layout'))")
PATIENCE = SQL("SET LOCAL lock_timeout = '5s'")
CREATE = SQL("CREATE EXTENSION IF NOT EXISTS timescaledb")
HAS_ROWS = SQL("SELECT EXISTS (SELECT FROM {table})")
TAKE = SQL("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
COPY = SQL("CREATE TABLE {copy} (LIKE {table} INCLUDING ALL EXCLUDING INDEXES)")
DROP = SQL("DROP TABLE {table}")
RENAME = SQL("ALTER TABLE {copy} RENAME TO {table}")
TURN = SQL(
    "SELECT create_hypertable({name}, {time}, chunk_time_interval => {width}::interval,"
    " create_default_indexes => FALSE, if_not_exists => TRUE)"
)
IS_HYPERTABLE = """
    SELECT EXISTS (SELECT FROM timescaledb_information.hypertables
                   WHERE hypertable_schema = current_schema() AND hypertable_name = %s)
"""
COMPRESS = SQL(
    "ALTER TABLE {table} SET (timescaledb.compress,"
    " timescaledb.compress_segmentby = {segments}, timescaledb.compress_orderby = {order})"
)
KNOWS_CHUNKS = "SELECT to_regclass('timescaledb_information.chunks') IS NOT NULL"
LETS_OPEN = "SELECT to_regprocedure('open_chunk(regclass)') IS NOT NULL"
LET_OPEN = "SELECT open_chunk(%s::regclass)"
DECOMPRESS = "SELECT decompress_chunk(%s::regclass, if_compressed => TRUE)"
FILLED = (
    "it has rows, and stays without compression: `gept db convert` tells what it takes to make it "
    "a hypertable"
)
NOT_OURS = (
    "its owner is another role, which alone may change it: let that one run `gept db migrate`"
)


class Mode(StrEnum):
    """What the server can do for big tables."""

    TIMESCALE = "timescale"
    APACHE = "apache"
    NATIVE = "native"


@dataclass(frozen=True, slots=True)
class Extension:
    """How TimescaleDB stands in a database."""

    installed: str | None
    available: str | None
    preloaded: bool
    permitted: bool
    license: str | None

    @property
    def version(self) -> tuple[int, int] | None:
        """The version in use, as far as it matters."""
        found = re.match(r"(\d+)\.(\d+)", self.installed or "")
        return (int(found[1]), int(found[2])) if found else None

    @property
    def creatable(self) -> bool:
        """Whether it can be made without harm: where it is not loaded, trying ends the session."""
        there = self.installed is None and self.available is not None
        return there and self.preloaded and self.permitted

    @property
    def unloaded(self) -> bool:
        """Whether it is in this database but not loaded: the server then ends whoever changes."""
        return self.installed is not None and not self.preloaded

    @property
    def mode(self) -> Mode:
        """What big tables are made of here."""
        if self.version is None or self.version < OLDEST or not self.preloaded:
            return Mode.NATIVE
        return Mode.TIMESCALE if self.license == "timescale" else Mode.APACHE

    @property
    def why(self) -> str:
        """Why it is this mode, with what would change it."""
        if self.mode is Mode.TIMESCALE:
            return f"TimescaleDB {self.installed}: hypertables with compression"
        if self.mode is Mode.APACHE:
            return (
                f"TimescaleDB {self.installed} under the licence {self.license!r}: hypertables, "
                "but no compression and no policies; these need the community edition and "
                "`timescaledb.license = 'timescale'`"
            )
        return self._why_native()

    def _why_native(self) -> str:
        known = self.installed or self.available
        if known is None:
            return "the server has no TimescaleDB: native partitions, without compression"
        if not self.preloaded:
            seen = "in this database, but not loaded, so nothing can be written or saved"
            return (
                f"TimescaleDB {known} is {seen if self.unloaded else 'there, but not loaded'}: "
                "add timescaledb to shared_preload_libraries and restart the server"
            )
        if self.installed is None:
            return (
                f"TimescaleDB {known} is there, but not in this database, and the role may not "
                "make it: let the owner run CREATE EXTENSION timescaledb"
            )
        return f"TimescaleDB {known} is too old: update it to 2.18.1 or newer"


@dataclass(frozen=True, slots=True)
class LaidOut:
    """What became of the tables: the mode, what was changed, and what stays native and why."""

    extension: Extension
    changed: tuple[str, ...] = ()
    native: tuple[str, ...] = ()


def look(cursor: Cursor[Any]) -> Extension:
    """Return how TimescaleDB stands."""
    with cursor.connection.cursor(row_factory=class_row(Extension)) as asking:
        found = asking.execute(named("timescale")).fetchone()
    return cast("Extension", found)


def lay_out(address: str, tables: Iterable[Table], after: timedelta) -> LaidOut:
    """Bring big tables to their declared state; ``after`` is when they are compressed.

    Raises StoreAway or StoreBroken.
    """
    try:
        with (
            psycopg.connect(
                address, autocommit=True, connect_timeout=5, prepare_threshold=None
            ) as connection,
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            cursor.execute(LOCK)
            cursor.execute(PATIENCE)
            return _lay_out(cursor, tables, after)
    except psycopg.Error as error:
        raise translated(error) from error


def _lay_out(cursor: Cursor[Any], tables: Iterable[Table], after: timedelta) -> LaidOut:
    extension = _with_extension(cursor)
    if extension.unloaded:
        raise StoreAway(extension.why)
    if extension.mode is Mode.NATIVE:
        return LaidOut(extension)
    changed: list[str] = []
    native: list[str] = []
    for table in tables:
        name = table.journal or table.name
        try:
            with cursor.connection.transaction():
                done = _declare(cursor, table, extension.mode, after)
        except psycopg.OperationalError as error:
            if cursor.connection.closed:
                raise
            native.append(f"{name}: {_said(error)}")
        except (psycopg.Error, _Stays) as error:
            native.append(f"{name}: {_said(error)}")
        else:
            changed += [f"{name}: {each}" for each in done]
    return LaidOut(extension, tuple(changed), tuple(native))


class _Stays(Exception):
    """A table stays as it is."""


def _said(error: Exception) -> str:
    return " ".join(str(error).split())


def _with_extension(cursor: Cursor[Any]) -> Extension:
    """Make the extension where that can be done without harm."""
    found = look(cursor)
    if not found.creatable:
        return found
    try:
        with cursor.connection.transaction():
            cursor.execute(CREATE)
    except psycopg.errors.InsufficientPrivilege:
        return found
    return look(cursor)


def _declare(cursor: Cursor[Any], table: Table, mode: Mode, after: timedelta) -> list[str]:
    """Bring one table to its declared state; return what was changed."""
    name = table.journal or table.name
    done = [] if _is_hypertable(cursor, name) else _turn(cursor, table, name)
    if mode is Mode.TIMESCALE:
        done += _compress(cursor, table, name, after)
        done += policies.give_to_owner(cursor, name)
    return done


def _is_hypertable(cursor: Cursor[Any], name: str) -> bool:
    found = cursor.execute(IS_HYPERTABLE, (name,)).fetchone()
    return bool(found and found[0])


def _turn(cursor: Cursor[Any], table: Table, name: str) -> list[str]:
    """Make an empty table a hypertable; one that is natively partitioned is made anew for it."""
    _refuse(cursor, name)
    cursor.execute(TAKE.format(table=Identifier(name)))
    kind = _refuse(cursor, name)
    if kind == "p":
        _make_anew(cursor, name)
    turn(cursor, table, name)
    return ["a hypertable now"]


def turn(cursor: Cursor[Any], table: Table, name: str) -> None:
    """Make an empty plain table a hypertable."""
    width = Literal(table.partition)
    about = {"name": Literal(name), "time": Literal(table.time), "width": width}
    cursor.execute(TURN.format(**about))


def _refuse(cursor: Cursor[Any], name: str) -> str:
    """Return the kind of a table that may be turned. Looked at before the lock, and under it."""
    found = cursor.execute(named("layout_of_table"), {"table": name}).fetchone()
    if found is None:
        raise _Stays("it is not there")
    kind, ours = found
    if not ours:
        raise _Stays(NOT_OURS)
    rows = cursor.execute(HAS_ROWS.format(table=Identifier(name))).fetchone()
    if rows and rows[0]:
        raise _Stays(FILLED)
    return str(kind)


def _make_anew(cursor: Cursor[Any], name: str) -> None:
    """Replace an empty partitioned table by a plain one with the same columns, keys and rights."""
    names = {"table": Identifier(name), "copy": Identifier(f"{name}_anew")}
    steps = cursor.execute(named("rebuild_of_table"), {"table": name, "copy": name}).fetchall()
    for statement in (COPY, DROP, RENAME):
        cursor.execute(statement.format(**names))
    for (step,) in steps:
        cursor.execute(cast("LiteralString", step))


def _compress(cursor: Cursor[Any], table: Table, name: str, after: timedelta) -> list[str]:
    """Set by what and when a hypertable is compressed, where that differs."""
    found = cursor.execute(named("compression_of_table"), {"table": name}).fetchone()
    segments, descending, now_after = found or ([], [], None)
    wanted = [each for each in table.key if each != table.time]
    done = []
    if segments != wanted or descending != [table.time]:
        allow_compression(cursor, table, name)
        done.append(f"compressed by {', '.join(wanted)}")
    if now_after != after:
        policies.put(cursor, policies.Kind.COMPRESSION, name, after)
        done.append(f"compressed after {after.days} days")
    return done


def allow_compression(cursor: Cursor[Any], table: Table, name: str) -> None:
    """Set by what a hypertable is compressed, without a policy that does it."""
    segments = ", ".join(each for each in table.key if each != table.time)
    about = {"segments": Literal(segments), "order": Literal(f"{table.time} DESC")}
    cursor.execute(COMPRESS.format(table=Identifier(name), **about))


def compressed(cursor: Cursor[Any], table: str, low: datetime, high: datetime) -> list[str]:
    """Return the compressed chunks that hold rows from ``low`` to ``high``."""
    known = cursor.execute(KNOWS_CHUNKS).fetchone()
    if not known or not known[0]:
        return []
    about = {"table": table, "low": low, "high": high}
    return [chunk for (chunk,) in cursor.execute(named("compressed_chunks"), about)]


def retentions(cursor: Cursor[Any]) -> dict[str, timedelta]:
    """Return after how long the server deletes by itself, of each table of which it does."""
    known = cursor.execute(KNOWS_CHUNKS).fetchone()
    if not known or not known[0]:
        return {}
    return dict(cursor.execute(named("retentions")).fetchall())


def sizes(cursor: Cursor[Any], schema: str | None = None) -> dict[str, tuple[int | None, int]]:
    """Return the estimated rows and the bytes of each hypertable of a schema, or of the first.

    Compressed chunks are included; rows are None where nobody has counted them.
    """
    known = cursor.execute(KNOWS_CHUNKS).fetchone()
    if not known or not known[0]:
        return {}
    found = cursor.execute(named("hypertable_sizes"), {"schema": schema})
    return {name: (rows, size) for name, _, rows, size, *_ in found}


def decompress(cursor: Cursor[Any], chunks: Iterable[str]) -> None:
    """Open chunks for changes of stored rows; the policy closes them again.

    Changing rows within a compressed chunk unpacks nearly all of it for one bucket, and is refused
    beyond 100,000 rows. Only the owner may, and the owner's function of ``gept db roles``.
    """
    for chunk in chunks:
        [(lets,)] = cursor.execute(LETS_OPEN).fetchall()
        cursor.execute(LET_OPEN if lets else DECOMPRESS, (chunk,))
