"""The data of gept's own PostgreSQL: made whole or not at all, and read by one version only."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...errors import SettingsError, StoreBroken
from . import account
from .entrance import SUPERUSER

OPTIONS = (
    *("-U", SUPERUSER, "-E", "UTF8", "--locale=C.UTF-8"),
    *("--auth-local=peer", "--auth-host=scram-sha-256"),
)


def made_by(data: Path) -> str | None:
    """Return the major version that made the data; None where there are none.

    Raises SettingsError where that cannot be seen.
    """
    try:
        return (data / "PG_VERSION").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        remedy = "run gept as the user whose it is, or name another folder"
        raise SettingsError(
            [f"DATA_DIR: {str(data)!r} cannot be read ({error.strerror}); {remedy}"]
        ) from error


def newer(data: Path, major: int) -> bool:
    """Tell whether the data are of a newer PostgreSQL than a major version."""
    version = made_by(data) or ""
    return version.isdigit() and int(version) > major


def see_to(data: Path, moved: Path, binaries: Path) -> None:
    """See to it that there are data: those that an upgrade had moved so far, or new ones."""
    if made_by(data) is None and moved.exists():
        moved.rename(data)
    if made_by(data) is None:
        _make(data, binaries)


def _make(data: Path, binaries: Path) -> None:
    """Make the database in a folder beside, and rename it: none is ever half made."""
    fresh = data.with_name("data.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    chosen = account.choose()
    chosen.give(fresh)
    with _failing_clearly(fresh):
        subprocess.run(
            [binaries / "initdb", "-D", fresh, *OPTIONS],
            check=True,
            cwd="/",
            env=account.environ(),
            capture_output=True,
            text=True,
            preexec_fn=chosen.enter,
        )
        if data.is_dir():
            data.rmdir()
        fresh.rename(data)


def refuse_other_version(data: Path, binaries: Path, major: int) -> None:
    """Raise StoreBroken where the programs are of another version than the data."""
    version = made_by(data)
    if version == str(major):
        return
    fault = f"the data in {data} is of PostgreSQL {version}, but {binaries} holds {major}"
    remedy = f"set PG_BINDIR to the programs of version {version}"
    if newer(data, major):
        raise StoreBroken(f"{fault}, which is older and cannot read it; {remedy}")
    raise StoreBroken(
        f"{fault}; {remedy}, or move the data: gept db upgrade --from FOLDER-OF-THOSE-PROGRAMS"
    )


@contextmanager
def _failing_clearly(fresh: Path) -> Iterator[None]:
    try:
        yield
    except (subprocess.CalledProcessError, OSError) as error:
        raise StoreBroken(_why(fresh.parent, error)) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _why(folder: Path, error: subprocess.CalledProcessError | OSError) -> str:
    """Return in one line why no database could be made: what was said first is the cause."""
    lines = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
    faults = [line for line in lines if "FATAL:" in line or "error:" in line] or lines
    said = faults[0].strip() if faults else "no reason was given"
    told = f"PostgreSQL could not make its database in {folder}: {said}"
    full = os.strerror(errno.ENOSPC) in told
    return f"{told}; make room, or set DATA_DIR to a folder on another disk" if full else told
