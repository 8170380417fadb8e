"""pg_dump and pg_restore: which of them fits a server, and how they are run.

They never read a password from their arguments, which everybody on the machine can see.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import IO

from ..errors import BackupError
from ..store.database import without_password
from ..store.embedded.account import environ
from ..store.embedded.programs import binaries

INSTALLED = Path("/usr/lib/postgresql")
VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
FORBIDDEN = "; run it as the owner of all tables of the database, or as a superuser"
NO_ROLE = re.compile(r'role (".+?") does not exist')
"""What a server says of a backup with policies of TimescaleDB, which run as their owner."""
LONGEST_COMPLAINT = 600


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs of one major version."""

    folder: Path
    major: int

    def command(self, name: str) -> str:
        """Return the path of a program."""
        return str(self.folder / name)


def fitting(chosen: Path | None, server: int) -> Programs:
    """Return programs for a server of a major version: of the same, or else of a newer one.

    ``chosen`` is the folder that a setting names, which alone counts then. Otherwise those that are
    installed, and those that come with gept. Raises BackupError.
    """
    found = [each for folder in _folders(chosen, server) if (each := _look(folder))]
    if not found:
        where = "PATH" if chosen is None else f"PG_BINDIR ({chosen})"
        raise BackupError(
            f"pg_dump and pg_restore are not in {where}; install those of PostgreSQL {server} "
            f"(Debian: postgresql-client-{server}), or name their folder by PG_BINDIR"
        )
    fits = min(found, key=lambda each: (each.major < server, each.major))
    if fits.major < server:
        raise BackupError(
            f"pg_dump in {fits.folder} is of PostgreSQL {fits.major}, older than the server "
            f"({server}), which it cannot read; install that of {server}, or name its folder by "
            "PG_BINDIR"
        )
    return fits


def _folders(chosen: Path | None, server: int) -> list[Path]:
    if chosen is not None:
        return [chosen]
    on_path = shutil.which("pg_dump")
    installed = [*([Path(on_path).parent] if on_path else []), INSTALLED / str(server) / "bin"]
    return [*installed, binaries(None)]


def _look(folder: Path) -> Programs | None:
    if not all(os.access(folder / name, os.X_OK) for name in ("pg_dump", "pg_restore")):
        return None
    asked = [str(folder / "pg_dump"), "-V"]
    try:
        done = subprocess.run(asked, env=environ(), capture_output=True, text=True, check=False)
    except OSError:
        return None
    version = VERSION.search(done.stdout)
    return Programs(folder, int(version[1])) if version else None


@contextmanager
def output(command: list[str], address: str | None = None) -> Iterator[IO[bytes]]:
    """Give what a program writes, for the database of an address where there is one.

    It is ended if nobody reads on. Raises BackupError with what it complained of where it fails.
    """
    with _complaints() as said, _process(command, address, said, stdout=PIPE) as running:
        if running.stdout is not None:
            yield running.stdout
        _judge(command, running.wait(), said)


@contextmanager
def input_of(command: list[str], address: str) -> Iterator[IO[bytes]]:
    """Give what a program reads. Raises BackupError with what it complained of where it fails."""
    with _complaints() as said, _process(command, address, said, stdin=PIPE) as running:
        with suppress(BrokenPipeError):  # it tells itself why it reads no more
            if running.stdin is not None:
                yield running.stdin
                running.stdin.close()
        _judge(command, running.wait(), said)


def run(command: list[str], address: str) -> None:
    """Run a program on the database of an address. Raises BackupError where it fails."""
    with _complaints() as said, _process(command, address, said) as running:
        _judge(command, running.wait(), said)


def said_by(command: list[str]) -> str:
    """Return what a program writes that needs no database. Raises BackupError where it fails."""
    done = subprocess.run(
        command, env=environ(), capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        complaint = " ".join(done.stderr.split())[:LONGEST_COMPLAINT]
        raise BackupError(f"{Path(command[0]).name} failed: {complaint}")
    return done.stdout


@contextmanager
def _complaints() -> Iterator[IO[bytes]]:
    """Give a file for them: a pipe that nobody empties would stop the program."""
    from tempfile import TemporaryFile

    with TemporaryFile() as said:
        yield said


@contextmanager
def _process(
    command: list[str],
    address: str | None,
    said: IO[bytes],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> Iterator[subprocess.Popen[bytes]]:
    target, password = without_password(address or "")
    database = ["-w", "-d", target] if address is not None else []
    secret = {"PGPASSWORD": password} if password else {}
    with subprocess.Popen(
        [*command, *database],
        stdin=stdin,
        stdout=stdout,
        stderr=said,
        env={**environ(), **secret, "PGAPPNAME": "gept backup", "LC_MESSAGES": "C"},
        start_new_session=True,
    ) as running:
        try:
            yield running
        finally:
            if running.poll() is None:
                running.terminate()


def _judge(command: list[str], code: int, said: IO[bytes]) -> None:
    if code == 0:
        return
    said.seek(0)
    text = " ".join(said.read().decode("utf-8", "replace").split())[:LONGEST_COMPLAINT]
    raise BackupError(
        f"{Path(command[0]).name} failed: {text or f'exit code {code}'}{_remedy(text)}"
    )


def _remedy(complaint: str) -> str:
    if (lacked := NO_ROLE.search(complaint)) is not None:
        return f"; make it on this server first, CREATE ROLE {lacked[1]}, and restore again"
    return FORBIDDEN if "permission denied" in complaint else ""
