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

    data: dict[str, Any]
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
def _strictly_keyed(entry: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(Keyed[drift.strict(entry)])  # type: ignore[misc]


@cache
def _strictly_listed(entry: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(list[drift.strict(entry)])  # type: ignore[misc]


def whole(body: bytes, kind: type[T]) -> T:
    """Return a body as a value of a type, or raise DecodeError that says what does not fit."""
    try:
        return _decoder(kind).decode(body)  # type: ignore[no-any-return, arg-type]
    except BROKEN as error:
        shape = isinstance(error, msgspec.ValidationError)
        differs = drift.difference(str(error)) if shape else None
        raise DecodeError(f"{_beginning(body)}: {error}", drift=differs or None) from error


def known(body: bytes, kind: type[Shape]) -> tuple[Shape, list[str]]:
    """Return a body as a value of a type, and which of its fields nobody reads."""
    try:
        return _decoder(drift.strict(kind)).decode(body), []
    except BROKEN:
        return whole(body, kind), drift.strangers([whole(body, Any)], kind)


def keyed(body: bytes, entry: type[Entry]) -> Read[dict[int, Entry]]:
    """Return entries by item id, and those that are none."""
    try:
        found = _strictly_keyed(entry).decode(body)
    except BROKEN:
        return _keyed_one_by_one(body, entry)
    lacking = drift.lacking(found.data.values(), entry, partial(_values, body), IN_DATA)
    return Read(found.data, drift=lacking, timestamp=found.timestamp)


def listed(body: bytes, entry: type[Entry]) -> Read[list[Entry]]:
    """Return the entries of a list, and those that are none."""
    try:
        found = _strictly_listed(entry).decode(body)
    except BROKEN:
        return each(whole(body, list[Any]), entry)
    return Read(found, drift=drift.lacking(found, entry, lambda: whole(body, list[Any]), IN_LIST))


def each(values: Iterable[Any], entry: type[Entry], where: str = "") -> Read[list[Entry]]:
    """Return each value as an entry, and those that are none; ``where`` is the name of them all."""
    values = list(values)
    good: list[Entry] = []
    bad: list[Rejected] = []
    for number, value in enumerate(values):
        try:
            good.append(msgspec.convert(value, entry))
        except msgspec.ValidationError as error:
            bad.append(_rejected(f"{where}[{number}]", error, value))
    return Read(good, bad, _differences(values, entry, good, bad, where + IN_LIST))


def digest(body: bytes) -> bytes:
    """Return what tells the entries of a keyed answer from those of another: length and checksum.

    The entries end before the last brace but one. To find that is much cheaper than to parse, and
    a checksum much cheaper than a hash that nobody could forge.
    """
    start = max(body.find(b"{", max(body.find(b'"data"'), 0)), 0)
    end = body.rfind(b"}", 0, max(body.rfind(b"}"), 0))
    entries = memoryview(body)[start:end]
    return len(entries).to_bytes(4) + crc32(entries).to_bytes(4)


def _values(body: bytes) -> Iterable[Any]:
    return whole(body, LooseKeyed).data.values()


def _keyed_one_by_one(body: bytes, entry: type[Entry]) -> Read[dict[int, Entry]]:
    loose, new = known(body, LooseKeyed)
    good: dict[int, Entry] = {}
    bad: list[Rejected] = []
    for number, (key, value) in enumerate(loose.data.items()):
        where = key if drift.shown(key) == key else f"[{number}] {drift.shown(key)}"
        try:
            item_id = _item_id(key)
        except msgspec.ValidationError as error:
            bad.append(Rejected(where, str(error), value, Kind.BAD_ID))
            continue
        try:
            good[item_id] = msgspec.convert(value, entry)
        except msgspec.ValidationError as error:
            bad.append(_rejected(where, error, value))
    values = loose.data.values()
    new += _differences(values, entry, good.values(), bad, IN_DATA)
    return Read(good, bad, new, loose.timestamp)


def _differences(
    values: Iterable[Any],
    entry: type[Entry],
    good: Collection[Entry],
    bad: list[Rejected],
    within: str,
) -> list[str]:
    """Return how entries differ from what we know: new fields, missing ones, other types."""
    lacking = drift.lacking(good, entry, lambda: values, within)
    return drift.strangers(values, entry, within) + drift.changed(bad, within) + lacking


def _rejected(where: str, error: msgspec.ValidationError, value: Any) -> Rejected:
    kind = Kind.NULL_ENTRY if value is None else drift.kind_of(str(error))
    return Rejected(where, str(error), value, kind)


def _item_id(key: str) -> int:
    if not (key.isascii() and key.isdigit()):
        raise msgspec.ValidationError(f"Expected an item id, got {key[:40]!r}")
    return msgspec.convert(key, ItemId, strict=False)


def _beginning(body: bytes) -> str:
    return f"{len(body)} bytes that begin {body[:40]!r}"
