"""A backup of one table, or of a range of its rows: by COPY, which reads hypertables as well."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from io import BufferedWriter
from pathlib import Path

from .. import __version__
from ..errors import BackupError, UsageError
from ..store.copying.copies import Shape, Source, Span, source
from ..store.copying.restoring import Restored, Staging, staging
from . import folder as folders
from . import manifest
from .files import CHUNK, Digest, Measured, parts
from .folder import Backup
from .manifest import FORMAT, TIME, Column, Manifest, Part
from .restore import compared, refuse_unsound

FILE = "rows.copy.gz"


def back_up(address: str, folder: Path, table: str, span: Span, at: datetime) -> Backup:
    """Write a backup of the rows of a table from a time on to before another.

    Raises BackupError for the disk, UsageError for a table or range that cannot be, StoreError.
    """
    with source(address, table) as found:
        _refuse_range(found.of, span)
        name = f"{found.moment.database()}.{table}"
        with folders.held(folder), folders.new(folder, name, at) as undone:
            with closing(found.rows(span)) as rows:
                written = _write(rows, undone / FILE)
            manifest.write(_manifest(found, span, written, at), undone / manifest.NAME)
    return folders.open_backup(folders.done(undone))


def _refuse_range(of: Shape, span: Span) -> None:
    since, until = span
    if (since or until) and of.time is None:
        raise UsageError(
            f"--since: the key of {of.table} has no time; save the whole table instead"
        )
    if since and until and since >= until:
        raise UsageError(f"--until: {until:{TIME}} is not after --since, {since:{TIME}}")


def _write(rows: Iterator[bytes], file: Path) -> Digest:
    with file.open("xb") as opened:
        measured = Measured(opened)
        with (
            gzip.GzipFile("", "wb", 6, measured, 0) as packed,
            BufferedWriter(packed, CHUNK) as pieces,
        ):
            pieces.writelines(rows)
    return measured.digest


def _manifest(found: Source, span: Span, written: Digest, at: datetime) -> Manifest:
    of, versions = found.of, found.moment.versions()
    return Manifest(
        format=FORMAT,
        gept=__version__,
        server=versions.server,
        timescaledb=versions.timescaledb,
        database=found.moment.database(),
        created_at=at,
        file=FILE,
        size=written.size,
        sha256=written.sha256,
        tables={of.table: found.measure(span)},
        part=Part(of.table, _columns(of), of.key, of.time, *span),
    )


def _columns(of: Shape) -> tuple[Column, ...]:
    return tuple(Column(name, kind) for name, kind in of.columns.items())


def restore(
    backup: Backup, address: str, widths: Mapping[str, timedelta | None], *, overwrite: bool
) -> Restored:
    """Bring the rows of a backup into their table, each once, or nothing of them.

    ``widths`` is how much time a partition of each table holds. A row that is stored with other
    values stays as it is, unless ``overwrite``. Raises BackupError or StoreError.
    """
    refuse_unsound(backup)
    part = _part(backup)
    with staging(address, part.table) as table:
        if differences := _differences(table, backup, part):
            raise BackupError(f"{backup.file}: {differences[0]}; take another backup")
        return table.take(widths.get(part.table), overwrite=overwrite)


def verify(backup: Backup, address: str, at: datetime) -> list[str]:
    """Copy the rows of a backup into a staging table that vanishes; return what differs.

    What is found is kept beside the backup. Raises BackupError or StoreError.
    """
    refuse_unsound(backup)
    part = _part(backup)
    with staging(address, part.table) as table:
        differences = _differences(table, backup, part)
    folders.judge(backup, at, differences)
    return differences


def _part(backup: Backup) -> Part:
    if backup.manifest.part is None:
        raise BackupError(f"{backup.folder} holds a whole database, not a table")
    return backup.manifest.part


def _differences(table: Staging, backup: Backup, part: Part) -> list[str]:
    """Stage what a backup holds, where it fits the table; return what the manifest tells else."""
    if _columns(table.of) != part.columns or table.of.key != part.key:
        raise BackupError(
            f"{part.table} has other columns, types or another key than in the backup, by gept "
            f"{backup.manifest.gept}; restore it with that version, then upgrade"
        )
    return compared(backup.manifest.tables, {part.table: table.copy(_unpacked(backup.file))})


def _unpacked(file: Path) -> Iterator[bytes]:
    try:
        with gzip.open(file) as packed:
            yield from parts(packed)
    except (OSError, EOFError, zlib.error) as error:
        raise BackupError(f"{file} cannot be unpacked ({error}); take another backup") from error
