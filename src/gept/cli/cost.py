"""What long work on tables would cost, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from .layout import readable


def cost(space: int, free: int | None, seconds: float, meanwhile: str) -> Iterator[str]:
    """Yield the bytes needed and free, None where that is unknown, and what goes on meanwhile."""
    room = "unknown: look on the server" if free is None else readable(free)
    yield f"space needed beside the old tables: {readable(space)}; free: {room}"
    if free is not None and free < space:
        yield "WARNING: the room may not suffice; make some first"
    yield f"time: {length(seconds)}; {meanwhile}"


def length(seconds: float) -> str:
    """Return a length of time, about."""
    return f"about {timedelta(seconds=max(1, round(seconds)))}"
