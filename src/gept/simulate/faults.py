"""What can go wrong with a service, on demand: each fault is taken once, by the next request."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from threading import Lock
from typing import Annotated, Any

import msgspec

KINDS = {
    "status:CODE[,RETRY-AFTER]": "that status, with an error page",
    "hang": "says nothing until the simulator ends",
    "reset": "closes the connection within the body",
    "truncate": "a body that ends half way",
    "html": "a page in place of the answer",
    "empty": "an answer without data",
    "stale": "the bucket before",
    "repeat": "the data of the bucket before under the time that was asked for",
    "nan": "prices that are no numbers",
    "huge": "200 MB of white space before the answer",
    "bomb": "a small body that unpacks to 256 MiB",
    "redirect:URL": "sends elsewhere",
    "xxe": "a feed with an external entity",
    "spoil:KIND": "bad tenths: text, negative, huge, float, null, bad_id, missing, extra",
}
PAGE = b"<!doctype html><title>Maintenance</title><p>We will be back soon."
ENTITY = (
    b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b"<rss><channel><item><title>&x;</title></item></channel></rss>"
)
PRICE = re.compile(rb'"(high|low|avgHighPrice|avgLowPrice)":\d+')
CHANGED: dict[str, Callable[[int], Any]] = {
    "text": str,
    "negative": lambda number: -number - 1,
    "huge": lambda number: 2**70 + number,
    "float": lambda number: number + 0.5,
}


SPOILS = ("text", "negative", "huge", "float", "null", "bad_id", "missing", "extra")
ARGUMENTS = {
    "status": r"[1-5]\d\d(,.+)?",
    "redirect": ".+",
    "spoil": "|".join(SPOILS),
}


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    """A fault that somebody asks for: how often, and for which paths."""

    fault: str
    path: str = ""
    times: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1

    def __post_init__(self) -> None:
        kind, _, argument = self.fault.partition(":")
        if kind not in {each.partition(":")[0] for each in KINDS}:
            raise ValueError(f"{self.fault!r} is no fault; there are {', '.join(KINDS)}")
        if not re.fullmatch(ARGUMENTS.get(kind, ""), argument):
            form = next(each for each in KINDS if each.partition(":")[0] == kind)
            raise ValueError(f"{self.fault!r} is not of the form {form}: {KINDS[form]}")


class Faults:
    """The faults that wait for a request."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, str]] = []
        self._lock = Lock()

    def add(self, path: str, kind: str, times: int = 1) -> None:
        """Let something go wrong with the next requests whose path begins so."""
        with self._lock:
            self._waiting += [(path, kind)] * times

    def clear(self) -> None:
        """Let all be well."""
        with self._lock:
            self._waiting.clear()

    def take(self, path: str) -> str:
        """Return what goes wrong with a request; nothing for most."""
        with self._lock:
            for number, (prefix, kind) in enumerate(self._waiting):
                if path.startswith(prefix):
                    del self._waiting[number]
                    return kind
        return ""


def damaged(body: bytes, kind: str) -> bytes:
    """Return a body with its fault."""
    match kind:
        case "html":
            return PAGE
        case "truncate":
            return body[: len(body) // 2]
        case "nan":
            return PRICE.sub(rb'"\1":NaN', body)
        case "huge":
            return b" " * 200_000_000 + body
        case "xxe":
            return ENTITY
        case _:
            return body


def spoilt(value: Any, kind: str) -> Any:
    """Return an answer in which each tenth entry is spoilt."""
    entries = value["data"] if isinstance(value, dict) else value
    keys = list(entries) if isinstance(entries, dict) else list(range(len(entries)))
    for key in keys[::10]:
        entry = entries[key]
        if kind == "null":
            entries[key] = None
        elif kind == "bad_id":
            entries[f"item {key}"] = entries.pop(key)
        elif kind == "missing":
            entries[key] = dict(list(entry.items())[1:])
        elif kind == "extra":
            entries[key] = {**entry, "new": [1]}
        else:
            number = next(name for name, found in entry.items() if type(found) is int)
            entries[key] = {**entry, number: CHANGED[kind](entry[number])}
    return value


def bomb() -> bytes:
    """Return a gzip body of some kilobytes that unpacks to 256 MiB."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(256)) + squeeze.flush()
