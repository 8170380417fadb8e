"""The only proof of a backup: it is restored, and what comes out is compared with its manifest."""

from __future__ import annotations

import hashlib
import socket
from datetime import datetime
from pathlib import Path

from ..store.copying import empty
from . import folder as folders
from .folder import Backup
from .restore import made, refuse_unsound, restore


def verify(backup: Backup, address: str, chosen: Path | None, at: datetime) -> list[str]:
    """Restore a whole backup into a database that is dropped again; return what differs.

    What is found is kept beside the backup. Raises BackupError or StoreError.
    """
    refuse_unsound(backup)
    name = _scratch(backup.folder)
    with folders.alone(backup):
        empty.drop(address, name)
        with made(address, name) as target:
            differences = restore(backup, target, chosen)
        empty.drop(address, name)
    folders.judge(backup, at, differences)
    return differences


def _scratch(folder: Path) -> str:
    """Return the name of the database for a backup: what was left of a killed look has it, too."""
    where = f"{socket.gethostname()}:{folder.resolve()}"
    return f"gept_verify_{hashlib.sha256(where.encode()).hexdigest()[:12]}"
