"""How much room is left where a server keeps its data."""

from __future__ import annotations

import shutil
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from psycopg import Connection

FOLDER = "SELECT setting FROM pg_settings WHERE name = 'data_directory'"


def free(connection: Connection[Any]) -> int | None:
    """Return the bytes left on the disk of the server, where that is one of this machine."""
    found = connection.execute(FOLDER).fetchone()
    if found is None or not _is_here(connection.info.host):
        return None
    folder = Path(found[0])
    return shutil.disk_usage(folder).free if folder.is_dir() else None


def _is_here(host: str) -> bool:
    try:
        return host.startswith("/") or host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
