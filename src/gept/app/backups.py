"""Where backups come from and go to: the database of the settings, which must be there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag

from ..errors import BackupError
from ..settings import Settings
from ..store import Server, address
from ..store.database import is_there
from . import embedded


@dataclass(frozen=True, slots=True)
class Place:
    """A database, one beside it from which others are made, and the programs that fit its server.

    ``programs`` is None where they are looked for on the system. ``there`` tells whether the
    database is there; where gept runs the server, a restore may make it.
    """

    database: str
    beside: str
    name: str
    programs: Path | None
    there: bool = True


@contextmanager
def place(settings: Settings) -> Iterator[Place]:
    """Give the place that the settings name, with its server running, as long as it is needed."""
    server = embedded(settings, Flag())
    if server is None:
        url = address(settings, None)
        yield Place(url, url, settings.db_name, settings.pg_bindir)
        return
    try:
        server.ensure()
        yield _ours(settings, server)
    finally:
        server.stop()


def _ours(settings: Settings, server: Server) -> Place:
    every, name = server.url("postgres"), settings.db_name
    there = is_there(every, name)
    return Place(address(settings, server), every, name, server.binaries, there)


@contextmanager
def filled(settings: Settings) -> Iterator[Place]:
    """Give the place where there is something to save; looking makes nothing."""
    nothing = BackupError(f"nothing is in {settings.folder} yet, so there is nothing to save")
    server = embedded(settings, Flag())
    if server is not None and not server.initialised:
        raise nothing
    with place(settings) as found:
        if not found.there:
            raise nothing
        yield found
