"""Backups that are small and made at once."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from gept.backup import folder as folders
from gept.backup import manifest
from gept.backup.folder import Backup
from gept.backup.manifest import Manifest, Part
from gept.store.copying.snapshot import Measure


def make(folder: Path, at: datetime, part: Part | None = None) -> Backup:
    """Make a backup whose data are a few bytes."""
    with folders.held(folder), folders.new(folder, "osrs", at) as undone:
        (undone / "data").write_bytes(b"1234")
        written = Manifest(
            format=manifest.FORMAT,
            gept="0",
            server="18.1",
            timescaledb=None,
            database="osrs",
            created_at=at,
            file="data",
            size=4,
            sha256="",
            tables={"t": Measure(1, "1")},
            part=part,
        )
        manifest.write(written, undone / manifest.NAME)
    return folders.open_backup(folders.done(undone))
