"""JSON, read by declared types: all at once while it fits, entry by entry where one does not.

The typed reader of msgspec refuses a whole body for one bad entry. So a body that it refuses is
read again loosely and each entry judged alone: the good ones are kept, the bad ones named.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Raw

from ..errors import DecodeError
from ..model import Rejected

T = TypeVar("T")
Entry = TypeVar("Entry", bound=msgspec.Struct)

BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
BIGGEST_ID = 2**31 - 1
BIGGEST = 2**63 - 1
BIGGEST_TIME = 4_102_444_800

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


class Keyed(msgspec.Struct, Generic[Entry]):
    """An object of entries by item id, and the time that the answer is about, where it says so."""

    data: dict[ItemId, Entry]
    timestamp: UnixTime | None = None


class LooseKeyed(msgspec.Struct):
    """The same, with entries that may be anything."""

    data: dict[str, Raw]
    timestamp: UnixTime | None = None


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def whole(body: bytes, kind: type[T]) -> T:
    """Return a body as a value of a type, or raise DecodeError that says what does not fit."""
    try:
        text = body.decode()  # whatever is left for later, such as Raw, is text already
        return _decoder(kind).decode(text)  # type: ignore[no-any-return, arg-type]
    except BROKEN as error:
        raise DecodeError(f"{_beginning(body)}: {error}") from error


def keyed(body: bytes, entry: type[Entry]) -> tuple[Keyed[Entry], list[Rejected]]:
    """Return entries by item id, and those that are none."""
    try:
        return _decoder(Keyed[entry]).decode(body), []  # type: ignore[valid-type]
    except BROKEN:
        return _keyed_one_by_one(body, entry)


def listed(body: bytes, entry: type[Entry]) -> tuple[list[Entry], list[Rejected]]:
    """Return the entries of a list, and those that are none."""
    try:
        return _decoder(list[entry]).decode(body), []  # type: ignore[valid-type]
    except BROKEN:
        return each(whole(body, list[Raw]), entry)


def each(values: Iterable[Raw], entry: type[Entry]) -> tuple[list[Entry], list[Rejected]]:
    """Return each value as an entry, and those that are none."""
    good: list[Entry] = []
    bad: list[Rejected] = []
    for number, value in enumerate(values):
        try:
            good.append(_decoder(entry).decode(value))
        except BROKEN as error:
            bad.append(Rejected(f"[{number}]", str(error), _shown(value)))
    return good, bad


def _keyed_one_by_one(body: bytes, entry: type[Entry]) -> tuple[Keyed[Entry], list[Rejected]]:
    loose = whole(body, LooseKeyed)
    good: dict[int, Entry] = {}
    bad: list[Rejected] = []
    for key, value in loose.data.items():
        try:
            good[_item_id(key)] = _decoder(entry).decode(value)
        except BROKEN as error:
            bad.append(Rejected(key, str(error), _shown(value)))
    return Keyed(good, loose.timestamp), bad


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
