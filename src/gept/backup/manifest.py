"""What a backup holds, written beside it: the measure by which it is later judged."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

import msgspec

from ..errors import BackupError
from ..store.copying.snapshot import Measure

FORMAT = 1
NAME = "manifest.json"
TIME = "%Y-%m-%d %H:%M:%SZ"


class Column(msgspec.Struct, frozen=True):
    """A column and its type as PostgreSQL writes it."""

    name: str
    type: str


class Part(msgspec.Struct, frozen=True):
    """What of a table is in the backup: its rows from ``since`` to before ``until`` by ``time``."""

    table: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    time: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def __str__(self) -> str:
        """Return it as a person reads it."""
        since = f" since {self.since:{TIME}}" if self.since else ""
        until = f" until {self.until:{TIME}}" if self.until else ""
        return f"{self.table}{since}{until}"


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A backup: who made it, of what, when, and what must come out of it again.

    ``part`` is set where it holds one table or a range of it. ``tables`` has rows and checksum by
    ``schema.table``. ``seal`` is the SHA-256 of all the rest.
    """

    format: int
    gept: str
    server: str
    timescaledb: str | None
    database: str
    created_at: datetime
    file: str
    size: int
    sha256: str
    tables: dict[str, Measure]
    part: Part | None = None
    seal: str = ""

    @property
    def rows(self) -> int:
        """How many rows there are in all."""
        return sum(each.rows for each in self.tables.values())

    def sealed(self) -> Manifest:
        """Return it with its seal."""
        bare = msgspec.structs.replace(self, seal="")
        return msgspec.structs.replace(bare, seal=hashlib.sha256(_encoded(bare)).hexdigest())


def _encoded(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2)


def write(manifest: Manifest, file: Path) -> None:
    """Write a manifest with its seal."""
    file.write_bytes(_encoded(manifest.sealed()) + b"\n")


def read(folder: Path) -> Manifest:
    """Return the manifest of a backup. Raises BackupError where it is absent, torn or changed."""
    file = folder / NAME
    try:
        found = msgspec.json.decode(file.read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise BackupError(
            f"{folder} is no backup of gept: it holds no {NAME}; `gept backup list` shows them"
        ) from None
    except (OSError, msgspec.DecodeError) as error:
        raise BackupError(f"{file} cannot be read ({error}); take another backup") from error
    if found.format != FORMAT:
        raise BackupError(
            f"{file}: format {found.format} is not {FORMAT}; use the gept that made it, "
            f"{found.gept} or newer"
        )
    if found.sealed().seal != found.seal or Path(found.file).name != found.file:
        raise BackupError(f"{file} was changed after it was written; take another backup")
    return found
