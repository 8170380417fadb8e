"""How the plan of long work on tables is shown, and what the work would cost."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import click

from .exits import Exit
from .layout import readable


def show(told: dict[str, Any], lines: Iterable[str], *, as_json: bool) -> None:
    """Show a plan for a program or for a person, and end where something hinders it."""
    click.echo(json.dumps(told, indent=2) if as_json else "\n".join(lines))
    if told["obstacles"]:
        sys.exit(Exit.USAGE)


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
