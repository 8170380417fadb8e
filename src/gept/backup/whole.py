"""A backup of a whole database: pg_dump and the measures of all tables, of one moment."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from .. import __version__
from ..errors import BackupError
from ..store.copying.snapshot import Snapshot, snapshot
from . import folder as folders
from . import manifest, programs
from .files import Digest, Measured, parts
from .folder import Backup
from .manifest import FORMAT, Manifest

FILE = "database.dump"


def back_up(address: str, folder: Path, chosen: Path | None, at: datetime) -> Backup:
    """Write a backup of a database into a folder, whole or not at all.

    ``chosen`` is the folder of PostgreSQL's programs, where one is named. Raises BackupError for
    programs and disk, StoreError for the database.
    """
    with snapshot(address) as now:
        _refuse_bare(now)
        fits = programs.fitting(chosen, now.versions().major)
        with folders.held(folder), folders.new(folder, now.database(), at) as undone:
            dumped = _dump(fits, address, now.name, undone / FILE)
            manifest.write(_manifest(now, dumped, at), undone / manifest.NAME)
    return folders.open_backup(folders.done(undone))


def _refuse_bare(now: Snapshot) -> None:
    """Raise BackupError where nothing was gathered: the settings may name the wrong database."""
    if now.bare():
        raise BackupError(
            f"nothing is in the database {now.database()} yet, so there is nothing to save; where "
            "there should be, look at DATA_DIR, DB_HOST and DB_NAME in `gept settings`"
        )


def _dump(fits: programs.Programs, address: str, moment: str, file: Path) -> Digest:
    """Write what pg_dump tells of a moment, in its custom form, which is compressed."""
    command = [fits.command("pg_dump"), "-Fc", f"--snapshot={moment}"]
    with file.open("xb") as opened, programs.output(command, address) as output:
        measured = Measured(opened)
        for part in parts(output):
            measured.write(part)
    if measured.digest.size == 0:
        raise BackupError("pg_dump wrote nothing")
    return measured.digest


def _manifest(now: Snapshot, dumped: Digest, at: datetime) -> Manifest:
    versions = now.versions()
    return Manifest(
        format=FORMAT,
        gept=__version__,
        server=versions.server,
        timescaledb=versions.timescaledb,
        database=now.database(),
        created_at=at,
        file=FILE,
        size=dumped.size,
        sha256=dumped.sha256,
        tables={f"{schema}.{name}": now.measure(schema, name) for schema, name in now.tables()},
    )
