"""Restores by a script for psql: for a server that is older than pg_restore speaks to.

pg_restore sets what servers know from 17 on, and to the older ones that is an error. The line is
left out here. What is half done is rolled back: the commit is written only after the whole script.
"""

from __future__ import annotations

import shutil
from typing import IO

from . import programs
from .files import CHUNK

UNKNOWN_BEFORE = 17
UNKNOWN = b"SET transaction_timeout = 0;\n"
LONGEST_HEAD = 100
BEGIN, COMMIT = b"BEGIN;\n", b"COMMIT;\n"


def needed(fits: programs.Programs, server: int) -> bool:
    """Tell whether pg_restore would say what a server of a major version does not understand."""
    return fits.major >= UNKNOWN_BEFORE > server


def restore(fits: programs.Programs, arguments: list[str], address: str) -> None:
    """Restore with the arguments of pg_restore, in one transaction. Raises BackupError."""
    load = [fits.command("psql"), "-X", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1"]
    with programs.input_of(load, address) as target:
        with programs.output([fits.command("pg_restore"), *arguments, "-f", "-"]) as source:
            target.write(BEGIN)
            _copy(source, target)
        target.write(COMMIT)


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    for _ in range(LONGEST_HEAD):
        if (line := source.readline()) != UNKNOWN:
            target.write(line)
    shutil.copyfileobj(source, target, CHUNK)
