"""JSON, read by declared types: all at once while it fits, entry by entry where one does not.

The typed reader of msgspec refuses a whole body for one bad entry or one new field. So a body that
it refuses is read again loosely and each entry judged alone: the good ones are kept, the bad ones
named, and so is each way in which the answer differs from what we know.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Annotated, Any, Generic, TypeVar
from zlib import crc32

import msgspec
from msgspec import Raw

from ..errors import DecodeError
from ..model import Kind, Rejected
from . import drift

T = TypeVar("T")
Entry = TypeVar("Entry", bound=msgspec.Struct)
Shape = TypeVar("Shape", bound=msgspec.Struct)

BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
BIGGEST_ID = 2**31 - 1
BIGGEST = 2**63 - 1
BIGGEST_TIME = 4_102_444_800
IN_DATA, IN_LIST = "data.*.", "[*]."

ItemId = Annotated[int, msgspec.Meta(ge=1, le=BIGGEST_ID)]
"""Identifies an item. Real ones pass 32,767, so a smallint does not hold them."""
Amount = Annotated[int, msgspec.Meta(ge=0, le=BIGGEST)]
"""A price in coins or a volume in items: 64-bit, since prices pass 2^31 - 1."""
UnixTime = Annotated[int, msgspec.Meta(ge=0, le=BIGGEST_TIME)]
"""Seconds since 1970, before the year 2100; larger numbers are of another unit."""

Text = Annotated[str, msgspec.Meta(pattern=r"\A[^\x00]*\Z")]
"""Text that PostgreSQL can hold: without NUL."""
Name = Annotated[str, msgspec.Meta(pattern=r"\A[^\x00]*\Z", min_length=1, max_length=500)]
"""Text short enough for an index, whose entries end at 2,704 bytes."""


class Keyed(msgspec.Struct, Generic[Entry], forbid_unknown_fields=True):
    """An object of entries by item id, and the time that the answer is about, where it says so."""

    data: dict[ItemId, Entry]
    timestamp: UnixTime | None = None


class LooseKeyed(msgspec.Struct):
    """The same, with entries that may be anything."""

    data: dict[str, Raw]
    timestamp: UnixTime | None = None


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """What an answer holds: entries, those that are none, and how it differs from what we know.

    ``timestamp`` is the time that the answer is about, where it says so.
    """

    entries: T
    rejected: list[Rejected] = field(default_factory=list)
    drift: list[str] = field(default_factory=list)
    timestamp: int | None = None


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


@cache
def _strictly(entry: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(drift.strict(entry))


@cache
def _strictly_keyed(entry: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(Keyed[drift.strict(entry)])  # type: ignore[misc]


@cache
def _strictly_listed(entry: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(list[drift.strict(entry)])  # type: ignore[misc]


def whole(body: bytes, kind: type[T]) -> T:
    """Return a body as a value of a type, or raise DecodeError that says what does not fit."""
    try:
        text = body.decode()  # whatever is left for later, such as Raw, is text already
        return _decoder(kind).decode(text)  # type: ignore[no-any-return, arg-type]
    except BROKEN as error:
        shape = isinstance(error, msgspec.ValidationError)
        differs = drift.difference(str(error)) if shape else None
        raise DecodeError(f"{_beginning(body)}: {error}", drift=differs or None) from error


def known(body: bytes, kind: type[Shape]) -> tuple[Shape, list[str]]:
    """Return a body as a value of a type, and which of its fields nobody reads."""
    try:
        return _strictly(kind).decode(body.decode()), []
    except BROKEN:
        return whole(body, kind), drift.strangers([whole(body, dict[str, Raw])], kind)


def keyed(body: bytes, entry: type[Entry]) -> Read[dict[int, Entry]]:
    """Return entries by item id, and those that are none."""
    try:
        found = _strictly_keyed(entry).decode(body)
    except BROKEN:
        return _keyed_one_by_one(body, entry)
    lacking = drift.lacking(found.data.values(), entry, partial(_keyed_fields, body), IN_DATA)
    return Read(found.data, drift=lacking, timestamp=found.timestamp)


def listed(body: bytes, entry: type[Entry]) -> Read[list[Entry]]:
    """Return the entries of a list, and those that are none."""
    try:
        found = _strictly_listed(entry).decode(body)
    except BROKEN:
        return each(whole(body, list[Raw]), entry)
    return Read(found, drift=drift.lacking(found, entry, partial(_listed_fields, body), IN_LIST))


def each(values: Iterable[Raw], entry: type[Entry], where: str = "") -> Read[list[Entry]]:
    """Return each value as an entry, and those that are none; ``where`` is the name of them all."""
    values = list(values)
    one = _OneByOne(entry)
    good: list[Entry] = []
    for number, value in enumerate(values):
        try:
            good.append(one.read(value))
        except BROKEN as error:
            one.reject(f"{where}[{number}]", error, value)
    return Read(good, one.rejected, one.differences(values, good, where + IN_LIST))


def digest(body: bytes) -> bytes:
    """Return what tells the entries of a keyed answer from those of another: length and checksum.

    The entries end before the last brace but one. To find that is much cheaper than to parse, and
    a checksum much cheaper than a hash that nobody could forge.
    """
    start = max(body.find(b"{", max(body.find(b'"data"'), 0)), 0)
    end = body.rfind(b"}", 0, max(body.rfind(b"}"), 0))
    entries = memoryview(body)[start:end]
    return len(entries).to_bytes(4) + crc32(entries).to_bytes(4)


def _keyed_fields(body: bytes) -> Iterable[dict[str, Raw]]:
    return map(_fields, whole(body, LooseKeyed).data.values())


def _listed_fields(body: bytes) -> Iterable[dict[str, Raw]]:
    return map(_fields, whole(body, list[Raw]))


def _keyed_one_by_one(body: bytes, entry: type[Entry]) -> Read[dict[int, Entry]]:
    loose, new = known(body, LooseKeyed)
    one = _OneByOne(entry)
    good: dict[int, Entry] = {}
    for number, (key, value) in enumerate(loose.data.items()):
        where = key if drift.shown(key) == key else f"[{number}] {drift.shown(key)}"
        try:
            item_id = _item_id(key)
        except msgspec.ValidationError as error:
            one.reject(where, error, value, Kind.BAD_ID)
            continue
        try:
            good[item_id] = one.read(value)
        except BROKEN as error:
            one.reject(where, error, value)
    new += one.differences(loose.data.values(), good.values(), IN_DATA)
    return Read(good, one.rejected, new, loose.timestamp)


class _OneByOne(Generic[Entry]):
    """Reads values each alone; keeps those that are no entries, and those with a field too many."""

    def __init__(self, entry: type[Entry]) -> None:
        self.rejected: list[Rejected] = []
        self._entry = entry
        self._odd: list[Raw] = []
        self._strictly = _strictly(entry).decode
        self._loosely = _decoder(entry).decode

    def read(self, value: Raw) -> Entry:
        """Return a value as an entry, or raise one of BROKEN."""
        try:
            return self._strictly(value)  # type: ignore[no-any-return]
        except BROKEN:
            entry: Entry = self._loosely(value)
        self._odd.append(value)
        return entry

    def reject(self, where: str, error: Exception, value: Raw, kind: Kind | None = None) -> None:
        """Keep a value that is no entry."""
        self._odd.append(value)
        shown = _shown(value)
        alike = Kind.NULL_ENTRY if shown is None else drift.kind_of(str(error))
        self.rejected.append(Rejected(where, str(error), shown, kind or alike))

    def differences(self, values: Iterable[Raw], good: Collection[Entry], within: str) -> list[str]:
        """Return how entries differ from what we know: new fields, missing ones, other types."""
        new = drift.strangers(map(_fields, self._odd), self._entry, within)
        lacking = drift.lacking(good, self._entry, lambda: map(_fields, values), within)
        return new + drift.changed(self.rejected, within) + lacking


def _fields(value: Raw) -> dict[str, Raw]:
    """Return the fields of an entry, whatever they hold; none where it is no object."""
    try:
        return _decoder(dict[str, Raw]).decode(value)  # type: ignore[no-any-return]
    except BROKEN:
        return {}


def _shown(value: Raw) -> Any:
    """Return a value, or its text where it has a number that no reader takes."""
    try:
        return _decoder(Any).decode(value)
    except BROKEN:
        return bytes(value).decode(errors="replace")


def _item_id(key: str) -> int:
    if not (key.isascii() and key.isdigit()):
        raise msgspec.ValidationError(f"Expected an item id, got {key[:40]!r}")
    return msgspec.convert(key, ItemId, strict=False)


def _beginning(body: bytes) -> str:
    return f"{len(body)} bytes that begin {body[:40]!r}"
