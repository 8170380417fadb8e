"""The folder of backups: one folder each, which appears whole or not at all."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path

import msgspec

from ..disk import settle
from ..errors import BackupError
from . import manifest
from .manifest import Manifest

UNDONE = ".part"
LOCK = ".lock"
VERDICT = "verified.json"


class Verdict(msgspec.Struct, frozen=True):
    """When a backup was last restored and compared, and what differed."""

    at: datetime
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made to its end; ``fault`` tells what is wrong with it by its look."""

    folder: Path
    manifest: Manifest
    verdict: Verdict | None
    fault: str | None

    @property
    def file(self) -> Path:
        """Where the data are."""
        return self.folder / self.manifest.file

    @property
    def whole(self) -> bool:
        """Whether it holds a whole database."""
        return self.manifest.part is None

    @property
    def sound(self) -> bool:
        """Whether nothing is known to be wrong with it."""
        return self.fault is None and not (self.verdict and self.verdict.differences)


def open_backup(folder: Path) -> Backup:
    """Return the backup in a folder, which may be named by its data as well.

    Raises BackupError where there is none.
    """
    folder = folder.absolute()
    if folder.is_file():
        if not (folder.parent / manifest.NAME).is_file():
            raise BackupError(
                f"{folder} is no backup of gept: no {manifest.NAME} lies beside it; "
                "`gept backup list` shows them"
            )
        folder = folder.parent
    if not folder.is_dir():
        raise BackupError(f"{folder} is not there; `gept backup list` shows what is")
    found = manifest.read(folder)
    return Backup(folder, found, _verdict(folder), _fault(folder / found.file, found))


def _fault(file: Path, found: Manifest) -> str | None:
    try:
        size = file.stat().st_size
    except OSError as error:
        return f"{file} cannot be read ({error.strerror})"
    if size != found.size:
        return f"{file} has {size} bytes, not the {found.size} of its manifest: it was cut short"
    return None


def _verdict(folder: Path) -> Verdict | None:
    try:
        return msgspec.json.decode((folder / VERDICT).read_bytes(), type=Verdict)
    except (OSError, msgspec.DecodeError):
        return None


def judge(backup: Backup, at: datetime, differences: list[str]) -> None:
    """Keep what a verification has found; a folder that may not be written keeps nothing."""
    new = backup.folder / f"{VERDICT}{UNDONE}"
    try:
        new.write_bytes(msgspec.json.encode(Verdict(at, tuple(differences))))
        new.rename(backup.folder / VERDICT)
    except OSError as error:
        raise BackupError(
            f"{backup.folder}: what was found cannot be written there ({error.strerror})"
        ) from error


def listed(folder: Path) -> tuple[list[Backup], list[str]]:
    """Return the backups in a folder, the newest first, and what is wrong with the others."""
    found, faults = [], []
    try:
        inside = sorted(folder.iterdir())
    except FileNotFoundError:
        return [], []
    except OSError as error:
        raise BackupError(f"{folder} cannot be read ({error.strerror})") from error
    for each in inside:
        if each.name.endswith(UNDONE) or not (each / manifest.NAME).is_file():
            continue
        try:
            found.append(open_backup(each))
        except BackupError as error:
            faults.append(str(error))
    return sorted(found, key=lambda each: each.manifest.created_at, reverse=True), faults


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make a folder if need be, and keep others from working in it.

    What one that was killed has left is removed. Raises BackupError.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (folder / LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for each in folder.glob(f"*{UNDONE}"):
                shutil.rmtree(each)
            yield
    except BlockingIOError:
        raise BackupError(f"{folder}: another backup works there; wait for its end") from None
    except OSError as error:
        raise BackupError(
            f"{folder} cannot be written ({error.strerror}); make room, or name another folder by "
            "FOLDER or GEPT_BACKUP_DIR"
        ) from error


@contextmanager
def alone(backup: Backup) -> Iterator[None]:
    """Keep others from verifying the same backup meanwhile. Raises BackupError where one does."""
    with (backup.folder / manifest.NAME).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"{backup.folder} is being verified; wait for its end") from None
        yield


@contextmanager
def new(folder: Path, name: str, at: datetime) -> Iterator[Path]:
    """Give a folder to write a backup to; it gets its name at the end, or is removed."""
    named = _unused(folder / f"{name}-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    undone = named.with_name(named.name + UNDONE)
    try:
        undone.mkdir(mode=0o700)
        yield undone
        for each in (*undone.iterdir(), undone):
            settle(each)
        undone.rename(done(undone))
        settle(folder)
    finally:
        shutil.rmtree(undone, ignore_errors=True)


def done(undone: Path) -> Path:
    """Return where a backup is once it is whole."""
    return undone.with_name(undone.name.removesuffix(UNDONE))


def _unused(path: Path) -> Path:
    """Return a path that is not there: this one, or one with a number behind it."""
    others = (path.with_name(f"{path.name}-{number}") for number in count(2))
    return next(each for each in chain([path], others) if not each.exists())
