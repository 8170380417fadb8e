"""A whole database out of a backup: into an empty database, all or nothing, and compared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from ..errors import BackupError
from ..store.copying import empty
from ..store.copying.snapshot import Measure, snapshot
from ..store.database import is_there
from . import files, programs, script
from .folder import Backup

NOT_OURS = (" EXTENSION - timescaledb", " COMMENT - EXTENSION ")
"""What is made before the rest is restored, and what only a superuser may say."""


def refuse_unsound(backup: Backup) -> None:
    """Raise BackupError where the data are not those that the manifest tells of."""
    if backup.fault is not None:
        raise BackupError(f"{backup.fault}; take another backup")
    try:
        found = files.digest(backup.file)
    except OSError as error:
        raise BackupError(f"{backup.file} cannot be read ({error.strerror})") from error
    if found.sha256 != backup.manifest.sha256:
        raise BackupError(
            f"{backup.file} is not what its manifest tells of (another SHA-256); take another "
            "backup"
        )


def restore(backup: Backup, address: str, chosen: Path | None) -> list[str]:
    """Restore into the empty database of an address; return in what it differs from the manifest.

    The data must be sound. Raises BackupError or StoreError, with the database empty as before.
    """
    if (thing := empty.first_thing(address)) is not None:
        raise BackupError(
            f"the database is not empty: it has {thing}; restore beside it with --into NAME, or "
            "make an empty one"
        )
    fits, server = _programs(address, backup, chosen)
    with empty.awaiting(address, backup.manifest.timescaledb):
        _run(fits, server, backup, address)
    return compared(backup.manifest.tables, _held(address, backup))


def _programs(address: str, backup: Backup, chosen: Path | None) -> tuple[programs.Programs, int]:
    """Return the programs for the server of an address, and its major version."""
    with snapshot(address) as now:
        server = now.versions().major
    if (of := int(backup.manifest.server.partition(".")[0])) > server:
        raise BackupError(
            f"the backup is of PostgreSQL {of}, and this server is {server}; restore it into one "
            f"of {of} or newer"
        )
    return programs.fitting(chosen, server), server


def _run(fits: programs.Programs, server: int, backup: Backup, address: str) -> None:
    """Restore in one transaction. Owners and rights are those of the role that restores."""
    with _chosen_entries(fits, backup) as entries:
        arguments = ["--no-owner", "--no-privileges", f"--use-list={entries}", str(backup.file)]
        if script.needed(fits, server):
            script.restore(fits, arguments, address)
        else:
            once = [fits.command("pg_restore"), "--single-transaction", *arguments]
            programs.run(once, address)


@contextmanager
def _chosen_entries(fits: programs.Programs, backup: Backup) -> Iterator[str]:
    """Give a file that lists what of the backup is to be restored."""
    listed = programs.said_by([fits.command("pg_restore"), "--list", str(backup.file)])
    kept = [each for each in listed.splitlines() if not any(what in each for what in NOT_OURS)]
    with NamedTemporaryFile("w", suffix=".list", encoding="utf-8") as file:
        file.write("\n".join(kept))
        file.flush()
        yield file.name


def _held(address: str, backup: Backup) -> dict[str, Measure]:
    with snapshot(address) as now:
        names = {f"{schema}.{name}": (schema, name) for schema, name in now.tables()}
        return {each: now.measure(*names[each]) for each in backup.manifest.tables if each in names}


def compared(wanted: dict[str, Measure], found: dict[str, Measure]) -> list[str]:
    """Return in which tables what is there is not what the manifest tells of."""
    return [
        f"{name}: {_difference(measure, found.get(name))}"
        for name, measure in wanted.items()
        if found.get(name) != measure
    ]


def _difference(wanted: Measure, found: Measure | None) -> str:
    if found is None:
        return f"it is not there; the manifest has {wanted.rows} rows"
    if found.rows != wanted.rows:
        return f"{found.rows} rows, and the manifest has {wanted.rows}"
    return f"{found.rows} rows as in the manifest, but with other values"


def restore_into(backup: Backup, address: str, chosen: Path | None) -> None:
    """Restore into the empty database of an address. Raises BackupError where it differs."""
    if differences := restore(backup, address, chosen):
        raise BackupError(
            f"what was restored is not what was saved: {'; '.join(differences)}; drop the "
            "database, and take another backup"
        )


def restore_beside(backup: Backup, address: str, name: str, chosen: Path | None) -> None:
    """Restore into another database of the server: an empty one, or a new one.

    A new one is dropped again if that fails.
    """
    if is_there(address, name):
        restore_into(backup, empty.at(address, name), chosen)
        return
    with made(address, name) as target:
        restore_into(backup, target, chosen)


@contextmanager
def made(address: str, name: str) -> Iterator[str]:
    """Give the address of a new database, dropped again where what is done with it fails."""
    empty.make(address, name)
    with ExitStack() as undone:
        undone.callback(empty.drop, address, name)
        yield empty.at(address, name)
        undone.pop_all()
