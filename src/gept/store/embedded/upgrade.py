"""Moves the embedded server's data to another major version.

Dump, restore, compare, and only then exchange. The old folder is kept; whatever interrupts it, one
of the two is whole.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from ...errors import StoreBroken, UsageError
from ..faults import translated
from . import account, cluster, programs
from .server import Server, Wait

STRICT = ("-v", "ON_ERROR_STOP=1")
DATABASES = "SELECT datname FROM pg_database WHERE datallowconn AND datname <> 'template1'"
TABLES = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind IN ('r', 'p') AND NOT relispartition
      AND nspname NOT IN ('pg_catalog', 'information_schema')
    ORDER BY 1, 2
"""
Contents = dict[str, int]


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What was moved: rows by table, and where the old data lie."""

    rows: Contents
    kept: Path


def upgrade(folder: Path, old_programs: Path, new_programs: Path | None, wait: Wait) -> Upgraded:
    """Move the data to the new programs' version. Raises StoreBroken with nothing changed."""
    old = Server(folder, old_programs, wait)
    new = Server(old.folder / "upgrade", new_programs, wait)
    version = _refuse_needless(old, old_programs, new)
    try:
        old.ensure()
        if not old.owned:
            raise UsageError("a gept runs on these data; end it first")
        _start_empty(new)
        _copy(old, new)
        rows = _compared(_contents(old), _contents(new))
        new.halt()
        old.halt()
        return Upgraded(rows, _exchange(old, new, version))
    finally:
        new.stop()
        old.stop()


def _refuse_needless(old: Server, old_programs: Path, new: Server) -> str:
    """Return the version of the data, where the programs are those that can move them."""
    version = cluster.made_by(old.data)
    if version is None:
        raise UsageError(f"there are no data in {old.data} to upgrade")
    programs.binaries(old_programs, "--from")
    if version == str(new.major):
        raise UsageError(f"the data in {old.data} are of PostgreSQL {version} already")
    if cluster.newer(old.data, new.major):
        raise UsageError(
            f"the data in {old.data} are of PostgreSQL {version}, newer than the programs in "
            f"{new.binaries} ({new.major}); an upgrade does not go back"
        )
    if version != str(old.major):
        raise UsageError(
            f"--from: {old.binaries} holds PostgreSQL {old.major}, but the data in {old.data} are "
            f"of {version}; name the folder of the programs of that version"
        )
    return version


def _start_empty(new: Server) -> None:
    if new.folder.parent.exists():
        subprocess.run(["rm", "-rf", str(new.folder.parent)], check=True)
    new.ensure()


def _copy(old: Server, new: Server) -> None:
    """Copy roles and databases; the old version's programs write, the new one's read.

    PostgreSQL advises the new one's for both. But the old ones may be of the later day: what
    servers of November 2026 note of each column (``pg_attver``) only their own programs leave out.
    """
    dump, load = str(old.binaries / "pg_dump"), str(new.binaries / "psql")
    roles = [f"{dump}all", "--roles-only", "-d", old.url("postgres")]
    _pipe(roles, [load, "-qX", "-o", "/dev/null", "-d", new.url("postgres")])
    strict = [load, "-qX", "-o", "/dev/null", *STRICT]
    for database in _names(old):
        create = [] if database == "postgres" else ["-C"]
        _pipe([dump, *create, "-d", old.url(database)], [*strict, "-d", new.url("postgres")])


def _pipe(source: list[str], target: list[str]) -> None:
    env, pipe = account.environ(), subprocess.PIPE
    with subprocess.Popen(source, env=env, stdout=pipe, stderr=pipe) as dumping:
        loaded = subprocess.run(
            target, env=env, stdin=dumping.stdout, capture_output=True, check=False
        )
        if dumping.stdout:  # or a dump that nobody reads any more would wait for ever
            dumping.stdout.close()
        said = (dumping.stderr.read() if dumping.stderr else b"") + loaded.stderr
    if dumping.returncode or loaded.returncode:
        raise StoreBroken(f"the data could not be copied: {said.decode('utf-8', 'replace')[-800:]}")


def _names(server: Server) -> list[str]:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        return sorted(name for (name,) in connection.execute(DATABASES))


def _contents(server: Server) -> Contents:
    """Return how many rows each table of each database has."""
    found: Contents = {}
    try:
        for database in _names(server):
            with psycopg.connect(server.url(database), autocommit=True) as connection:
                for schema, table in connection.execute(TABLES).fetchall():
                    count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
                    [(rows,)] = connection.execute(count).fetchall()
                    found[f"{database}.{schema}.{table}"] = rows
    except psycopg.Error as error:
        raise translated(error) from error
    return found


def _compared(before: Contents, after: Contents) -> Contents:
    different = [name for name in before if before[name] != after.get(name)]
    if different:
        raise StoreBroken(f"the copy is not whole: {', '.join(different)}; nothing was changed")
    return before


def _exchange(old: Server, new: Server, version: str) -> Path:
    """Put the new data in the place of the old ones; a start that finds it half done ends it."""
    kept = old.data.with_name(f"data.{version}")
    if kept.exists():
        raise StoreBroken(f"{kept} is in the way; move it elsewhere")
    new.data.rename(old.next_data)
    old.data.rename(kept)
    old.next_data.rename(old.data)
    subprocess.run(["rm", "-rf", str(new.folder.parent)], check=True)
    return kept
