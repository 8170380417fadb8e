"""The machine: its disk, its files, and what a process may open."""

from __future__ import annotations

import os
import resource
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from ..errors import SpoolError
from ..spool import Spool
from ..store.survey import Survey, host_of
from .finding import Finding, failure, ok, warning
from .subject import Subject

GIB = 2**30
LEAST, FEW = 1 * GIB, 10 * GIB
"""Room below which it is a failure, and a warning: prices take up to 100 MB a day."""
FEWEST_FILES = 1024


def disk(subject: Subject) -> Iterator[Finding]:
    """Whether there is room for weeks: in our folder, and where the database is."""
    yield _room("disk", subject.settings.folder, "DATA_DIR")
    found = subject.database
    if subject.settings.embedded or not isinstance(found, Survey):
        return
    folder = None if found.data_directory is None else Path(found.data_directory)
    if host_of(subject.where or "") is None and folder is not None and folder.is_dir():
        yield _room("disk", folder, "the database")
        return
    yield warning(
        "disk",
        "how much room the database has cannot be seen from here",
        "watch the disk of its machine: deploy/prometheus has the alert",
    )


def _room(name: str, folder: Path, of: str) -> Finding:
    usage = shutil.disk_usage(_there(folder))
    seen = f"{of}: {usage.free / GIB:.1f} of {usage.total / GIB:.1f} GiB are free at {folder}"
    if usage.free < LEAST:
        return failure(name, seen, "make room now: collecting stops when the disk is full")
    if usage.free < FEW:
        return warning(name, seen, "make room: prices take up to 100 MB a day")
    return ok(name, seen)


def _there(folder: Path) -> Path:
    """Return a folder, or the nearest above it that can be seen."""
    return next(each for each in (folder, *folder.parents) if os.access(each, os.F_OK))


def spool(subject: Subject) -> Iterator[Finding]:
    """Whether answers find room while the database is away, and none was left behind."""
    settings = subject.settings
    folder = settings.folder / "spool"
    try:
        if not folder.is_dir():
            yield ok("spool", "nothing was ever kept there")
            return
        yield from _spooled(Spool(folder, settings.spool_limit, {}))
    except (SpoolError, OSError) as error:
        yield failure("spool", str(error), f"let the user of gept write to {folder}")


def _spooled(spool: Spool) -> Iterator[Finding]:
    names = [each for each in spool.folder.iterdir() if each.suffix == ".tape"]
    aside = list((spool.folder / "aside").glob("*"))
    used = sum(each.stat().st_size for each in names)
    free = shutil.disk_usage(spool.folder).free
    if spool.limit - used > free:
        seen = f"{free // 2**20} MiB are free of the {spool.limit // 2**20} MiB that it may use"
        yield warning("spool", seen, "make room, or lower GEPT_SPOOL_LIMIT")
    if aside:
        remedy = "see: gept spool; they can be removed when you know why"
        yield warning("spool", f"{len(aside)} torn or foreign files were moved aside", remedy)
    if names:
        remedy = "bring the database back; then they are stored by themselves"
        yield warning("spool", f"{len(names)} answers wait for the database", remedy)
    if not aside and not names and spool.limit - used <= free:
        yield ok("spool", f"empty, with room for {spool.limit // 2**20} MiB")


def files(subject: Subject) -> Iterator[Finding]:
    """Whether only its user can change what gept keeps on disk."""
    folder = subject.settings.folder
    try:
        found = folder.stat()
    except FileNotFoundError:
        yield warning("files", f"{folder} is not there yet", "gept makes it when it starts")
        return
    except OSError as error:
        yield failure("files", f"{folder}: {error.strerror}", "run gept as its user")
        return
    if found.st_mode & (stat.S_IWOTH | stat.S_IWGRP):
        seen = f"{folder} has the mode {stat.S_IMODE(found.st_mode):o}: others can change it"
        yield failure("files", seen, f"chmod go-w {folder}")
    elif not os.access(folder, os.W_OK):
        yield failure("files", f"{folder} is another user's", "run gept as its user")
    else:
        yield ok("files", f"only its user can change {folder}")


def descriptors(subject: Subject) -> Iterator[Finding]:
    """Whether a process may open as many files and connections as it needs."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FEWEST_FILES:
        remedy = f"ulimit -n {FEWEST_FILES}, or LimitNOFILE= of the unit"
        yield warning("descriptors", f"a process may open {soft} files", remedy)
        return
    yield ok("descriptors", f"a process may open {'any number of' if soft < 0 else soft} files")
