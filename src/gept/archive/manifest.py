"""What an archive says of each day that it holds, and where it keeps what."""

from __future__ import annotations

import re
from datetime import date, datetime
from hashlib import sha256
from typing import Any

import msgspec

from ..errors import ArchiveError
from ..store.copying.content import Content

FORM = 1
MANIFEST = re.compile(r"_(\d{4}-\d\d-\d\d)\.json$")


class Version(msgspec.Struct, frozen=True):
    """A file of a day that a newer one has replaced."""

    version: int
    sha256: str
    rows: int


class Ticks(msgspec.Struct, frozen=True):
    """The ledger's rows of a day: the names of the columns, and the rows."""

    columns: list[str]
    rows: list[list[Any]]

    @property
    def answered(self) -> int:
        """How many rows the newest answers to these ticks had."""
        place = self.columns.index("rows") if self.rows else 0
        return sum(row[place] for row in self.rows)


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a day's file holds, and how its ticks stand.

    ``sha256`` is that of the file, ``checksum`` that of the rows. ``low`` and ``high`` are their
    oldest and newest time. ``bytes`` is the size of the file. ``lacking`` is how many rows fewer it
    has than the answers to its ticks had: lost before it was archived, and archived all the same.
    """

    form: int
    gept: str
    schema: int
    collector: str
    table: str
    day: date
    version: int
    rows: int
    bytes: int
    sha256: str
    checksum: str
    low: datetime | None
    high: datetime | None
    archived_at: datetime
    ticks: Ticks
    lacking: int = 0
    replaced: list[Version] = []

    @property
    def place(self) -> str:
        """Where the file is, as long as it is the newest version."""
        return data_of(self.table, self.day)

    @property
    def aside(self) -> str:
        """Where the file is once there is a newer version."""
        return replaced_of(self.table, self.day, self.version)

    @property
    def content(self) -> Content:
        """What the day holds."""
        return Content(self.rows, self.low, self.high, self.checksum)


def folder_of(table: str, day: date | None = None) -> str:
    """Return where the days of a table are, or one of them."""
    folder = f"table={table}/"
    return folder if day is None else f"{folder}year={day:%Y}/month={day:%m}/"


def data_of(table: str, day: date) -> str:
    """Return where the rows of a day are."""
    return f"{folder_of(table, day)}{day}.parquet"


def replaced_of(table: str, day: date, version: int) -> str:
    """Return where an older version is; readers of Parquet pass over what begins with _."""
    return f"{folder_of(table, day)}_{day}.v{version}.parquet"


def manifest_of(table: str, day: date) -> str:
    """Return where the manifest of a day is."""
    return f"{folder_of(table, day)}_{day}.json"


def replaced_manifest_of(table: str, day: date, version: int) -> str:
    """Return where the manifest of an older version is."""
    return f"{folder_of(table, day)}_{day}.v{version}.json"


def encode(manifest: Manifest) -> bytes:
    """Return a manifest as JSON."""
    return msgspec.json.encode(manifest) + b"\n"


def decode(data: bytes, name: str) -> Manifest:
    """Return a manifest. Raises ArchiveError for what is none."""
    try:
        found = msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        remedy = "if the database has the day, remove that file and archive the day anew"
        raise ArchiveError(f"{name}: is no manifest of gept ({error}); {remedy}") from error
    if found.form > FORM:
        raise ArchiveError(f"{name}: was written by gept {found.gept}; use that or a newer one")
    if name not in _names_of(found):
        raise ArchiveError(f"{name}: is the manifest of {found.table} on {found.day}")
    return found


def _names_of(found: Manifest) -> tuple[str, str]:
    """Return the names under which a manifest may be: as the newest one, and once it is not."""
    about = (found.table, found.day)
    return manifest_of(*about), replaced_manifest_of(*about, found.version)


def digest(data: bytes) -> str:
    """Return the SHA-256 of a file."""
    return sha256(data).hexdigest()
