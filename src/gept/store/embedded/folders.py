"""The folders of gept's own PostgreSQL: ours alone, and where its socket is."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from hashlib import sha256
from pathlib import Path

from ...errors import SettingsError
from . import account

USUAL_PORT = 5432
USUAL_SOCKET = f".s.PGSQL.{USUAL_PORT}"
LONGEST_SOCKET = 107 - len(f"/{USUAL_SOCKET}.lock")
TO_PASS, TO_WRITE = 0o710, 0o770


def private(folder: Path, mode: int = TO_PASS, named: str = "DATA_DIR") -> None:
    """See to it that a folder is there, and that only we and the server can enter it."""
    ours(folder, named)
    account.choose().admit(folder, mode)


def ours(folder: Path, named: str = "DATA_DIR") -> None:
    """See to it that a folder is there and ours; ``named`` is the setting that names another."""
    if set(str(folder)) & {"\n", "\r"}:
        raise SettingsError([f"{named}: {str(folder)!r} holds a line break; name another folder"])
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise SettingsError(
            [f"{named}: {str(folder)!r} cannot be made ({error.strerror}); name a writable one"]
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in account.owners():
        raise SettingsError(
            [f"{named}: {str(folder)!r} belongs to another user; name a folder of your own"]
        )


def of_socket(folder: Path) -> Path:
    """Return where the socket goes: into our folder, or a short one where that cannot be."""
    inside = folder / "socket"
    if _fits(inside) and not set(str(inside)) & set(',"'):
        return inside
    short, shortest = _outside(folder)
    return short if _fits(short) else shortest


def _outside(folder: Path) -> tuple[Path, Path]:
    """Return where the socket of a folder may be outside of it: below TMPDIR, or /tmp."""
    digest = sha256(os.fsencode(folder / "data")).hexdigest()[:16]
    name = f"gept-{os.geteuid()}-{digest}"
    return Path(tempfile.gettempdir(), name), Path("/tmp", name)  # noqa: S108 - made closed, or refused


def open_for_socket(sockets: Path, folder: Path) -> None:
    """Make the socket's folder, without what a server before may have left in it."""
    private(sockets, TO_WRITE, "DATA_DIR" if sockets.parent == folder else "TMPDIR")
    usual = sockets / USUAL_SOCKET
    if usual.is_symlink():
        usual.unlink()


def name_usually(sockets: Path, port: int | None) -> None:
    """Let the socket have its usual name, whatever port the server listens on."""
    if port not in {None, USUAL_PORT}:
        (sockets / USUAL_SOCKET).symlink_to(f".s.PGSQL.{port}")


def remove_socket(sockets: Path, folder: Path) -> None:
    """Remove the socket's folder where it is outside ours; a stranger's is left alone."""
    try:
        ours = sockets.lstat().st_uid in account.owners()
    except OSError:
        return
    if ours and sockets.parent != folder:
        shutil.rmtree(sockets, ignore_errors=True)


def remove_stale_sockets(sockets: Path, folder: Path) -> None:
    """Remove the folders of servers of ours that were killed while TMPDIR was another."""
    for each in _outside(folder):
        if each != sockets:
            remove_socket(each, folder)


def _fits(sockets: Path) -> bool:
    return len(os.fsencode(sockets)) <= LONGEST_SOCKET
