"""The database that the settings name, for commands that make none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event as Flag
from typing import TYPE_CHECKING

from ...errors import UsageError

if TYPE_CHECKING:
    from ...settings import Settings


NOTHING = "nothing is there yet: `gept up` or `gept db migrate` makes it"


@dataclass(frozen=True, slots=True)
class Found:
    """Where the database is, in words, and its address, or None where nothing is there yet."""

    where: str
    address: str | None

    @property
    def needed(self) -> str:
        """The address. Raises UsageError where nothing is there yet."""
        if self.address is None:
            raise UsageError(NOTHING)
        return self.address


@contextmanager
def database(loaded: Settings) -> Iterator[Found]:
    """Find the database; gept's own server runs while it is looked at."""
    from ... import app
    from ...store import address

    server = app.embedded(loaded, Flag())
    where = f"gept's own, in {server.folder}" if server else "yours, by DB_HOST or DATABASE_URL"
    try:
        there = server is None or app.there(loaded, server)
        yield Found(where, address(loaded, server) if there else None)
    finally:
        if server is not None:
            server.stop()
