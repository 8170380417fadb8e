"""How an answer differs from what we know: fields that nobody reads, missing ones, other types.

A declared type may name in ``unread`` the fields that it knows of and has no use for:

    class Change(Struct):
        unread: ClassVar[frozenset[str]] = frozenset({"pageid"})
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from functools import cache
from typing import Any

import msgspec

from ..model import Kind, Rejected

ENOUGH = 100
"""From so many entries on, an optional field that all of them lack is missed."""
MOST = 50
LONGEST_NAME = 80
LIKE_A_NAME = re.compile(r"[\w:.\-]+")

PATH = re.compile(r" - at `\$\.?(.*)`$")
NUMBERED = re.compile(r"\[\d+\]")
MISSING = re.compile(r"Object missing required field `([^`]+)`")
OTHER_TYPE = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
BOUND = re.compile(
    r"Expected `[^`]+` (?:<|>|of length|that's)|(?:Number|Integer value) out of range"
)


@cache
def strict(kind: type[msgspec.Struct]) -> Any:
    """Return a type that refuses each field that neither it nor its ``unread`` names."""
    unread = [
        (f"unread_{number}", Any, msgspec.field(name=name, default=None))
        for number, name in enumerate(sorted(_unread(kind)))
    ]
    return msgspec.defstruct(kind.__name__, unread, bases=(kind,), forbid_unknown_fields=True)


def strangers(values: Iterable[Any], kind: type[msgspec.Struct], within: str = "") -> list[str]:
    """Return which fields of some values nobody reads."""
    known = set(kind.__struct_encode_fields__) | _unread(kind)
    found: set[str] = set()
    for value in values:
        if isinstance(value, dict):
            found |= value.keys() - known
    return unread(found, within)


def unread(names: Iterable[str], within: str = "") -> list[str]:
    """Return what is said of fields that nobody reads."""
    return [f"{within}{shown(name)}: nobody reads it" for name in sorted(names)[:MOST]]


def lacking(
    entries: Collection[msgspec.Struct],
    kind: type[msgspec.Struct],
    loose: Callable[[], Iterable[Any]],
    within: str = "",
) -> list[str]:
    """Return which optional fields none of many entries has.

    Read entries only show which fields may be; ``loose`` gives their values to make sure.
    """
    if len(entries) < ENOUGH:
        return []
    suspects = [
        told
        for name, told, default in _optional(kind)
        if all(getattr(entry, name) == default for entry in entries)
    ]
    if not suspects:
        return []
    there = {name for value in loose() if isinstance(value, dict) for name in value}
    return [f"{within}{name}: in no entry any more" for name in suspects if name not in there]


def kind_of(fault: str) -> Kind:
    """Return of which kind a fault is, by the words of msgspec."""
    if MISSING.match(fault):
        return Kind.MISSING_FIELD
    if OTHER_TYPE.match(fault):
        return Kind.WRONG_TYPE
    return Kind.OUT_OF_RANGE if BOUND.match(fault) else Kind.OTHER


def difference(fault: str, within: str = "") -> list[str]:
    """Return what a fault says of the shape of an answer: nothing where only a value is odd."""
    path = PATH.search(fault)
    at = within + (NUMBERED.sub("[*]", path[1]) if path else "")
    if missing := MISSING.match(fault):
        return [f"{_joined(at, missing[1])}: missing"]
    if other := OTHER_TYPE.match(fault):
        return [f"{at.rstrip('.') or 'the answer'}: {other[2]} where {other[1]} is known"]
    return []


def changed(rejected: Iterable[Rejected], within: str = "") -> list[str]:
    """Return what rejected entries say of the shape of an answer."""
    telling = [each for each in rejected if each.kind in {Kind.MISSING_FIELD, Kind.WRONG_TYPE}]
    found = {said for each in telling for said in difference(each.reason, within)}
    return sorted(found)[:MOST]


def shown(name: str) -> str:
    """Return a name that came from outside as it may be printed and stored."""
    if len(name) <= LONGEST_NAME and LIKE_A_NAME.fullmatch(name):
        return name
    return ascii(name[:LONGEST_NAME])


def _joined(within: str, name: str) -> str:
    return f"{within}{name}" if within.endswith(".") or not within else f"{within}.{name}"


def _unread(kind: type[msgspec.Struct]) -> frozenset[str]:
    return getattr(kind, "unread", frozenset())


@cache
def _optional(kind: type[msgspec.Struct]) -> list[tuple[str, str, Any]]:
    """Return each optional field of a type: its name, its name in JSON, its default."""
    return [
        (each.name, each.encode_name, _default(each))
        for each in msgspec.structs.fields(kind)
        if not each.required
    ]


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default
