"""How the plan, the progress and the outcome of an adoption are shown."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import timedelta
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click

from .layout import readable

if TYPE_CHECKING:
    from ..store.adoption import Part, Plan, Step

EVERY = 60.0
CLEAR = "\r\x1b[K"
DOES = {"copy": "copied", "enter": "copied, ticks are entered", "check": "checked"}


def told(plan: Plan) -> dict[str, Any]:
    """Return the plan for JSON."""
    return {
        "tables": [_table(each) for each in plan.steps],
        "obstacles": plan.obstacles,
        "untouched": [{"table": name, "bytes": size} for name, size in plan.others],
        "space_needed": plan.space,
        "space_free": plan.free,
        "seconds": round(plan.seconds),
        "adopted": [_part(each) for each in plan.parts],
    }


def _table(step: Step) -> dict[str, Any]:
    old = step.old
    return {
        "table": old.name,
        "kind": _kind(step),
        "columns": old.types,
        "unique": old.keys,
        "indexes": old.indexes,
        "read_by": old.readers,
        "estimated_rows": old.rows,
        "bytes": old.bytes,
        "rows_looked_at": step.looked_at,
        "repeated_keys": step.repeated,
        "columns_without_place": step.untold,
        "goes_to": step.target,
        "space_needed": step.space,
        "seconds": round(step.seconds),
    }


def _part(part: Part) -> dict[str, Any]:
    shown = asdict(part)
    del shown["types"], shown["by_time"]
    return {name: str(each) if name in TIMES and each else each for name, each in shown.items()}


TIMES = ("oldest", "newest")


def _kind(step: Step) -> str:
    if step.old.hypertable:
        return "hypertable"
    return "partitions" if step.old.kind == "p" else "plain"


def lines(plan: Plan) -> Iterator[str]:
    """Yield the plan as a person reads it."""
    if plan.parts:
        yield "begun already:"
        yield from account(plan.parts)
    for each in plan.steps:
        yield from _of_table(each)
    for wrong in plan.obstacles:
        yield f"HINDERED: {wrong}"
    if plan.others:
        named = ", ".join(f"{name} ({readable(size)})" for name, size in plan.others)
        yield f"not touched: {named}"
    if plan.steps:
        yield from _cost(plan)
    elif not plan.parts and not plan.obstacles:
        yield "nothing is there to adopt"


def _of_table(step: Step) -> Iterator[str]:
    old = step.old
    yield f"{old.name}: {_kind(step)}, about {old.rows:,} rows, {readable(old.bytes)}"
    yield f"  columns: {', '.join(f'{name} {of}' for name, of in old.types.items())}"
    yield f"  {_repeated(step)}"
    if old.indexes:
        yield f"  indexes, replaced by gept's own: {', '.join(old.indexes)}"
    if step.untold:
        yield f"  columns without a place in gept, left in the old table: {', '.join(step.untold)}"
    if old.readers:
        yield f"  goes on reading the old table, make it anew: {', '.join(old.readers)}"
    yield (
        f"  moved to legacy.{old.name}; its rows copied to {step.target}: "
        f"{readable(step.space)} more, {_length(step.seconds)}"
    )


def _repeated(step: Step) -> str:
    if not step.looked_at:
        return f"unique: {'; '.join(step.old.keys)}" if step.old.keys else "no key; no rows"
    return (
        f"no key: of {step.looked_at:,} rows looked at {step.repeated:,} repeat the key of another"
    )


def _cost(plan: Plan) -> Iterator[str]:
    free = "unknown: look on the server" if plan.free is None else readable(plan.free)
    yield f"space needed beside the old tables: {readable(plan.space)}; free: {free}"
    if plan.free is not None and plan.free < plan.space:
        yield "WARNING: the room may not suffice; make some first"
    yield f"time: {_length(plan.seconds)}; collecting may go on meanwhile"
    yield "nothing was changed; stop what writes to these tables, then: gept db adopt --yes"


def _length(seconds: float) -> str:
    return f"about {timedelta(seconds=max(1, round(seconds)))}"


def account(parts: Iterable[Part]) -> Iterator[str]:
    """Yield what became of the rows of each part."""
    for each in parts:
        yield (
            f"{each.part}: {each.rows:,} rows read = {each.inserted:,} inserted in {each.target} + "
            f"{each.duplicates:,} the same as another + {each.conflicts:,} in conflict + "
            f"{each.set_aside:,} set aside; {_proof(each)}"
        )


def _proof(part: Part) -> str:
    if part.proved:
        return "every one found again" + (", old table dropped" if part.stage == "dropped" else "")
    if part.done:
        return f"{part.checked:,} READ AGAIN, {part.lost:,} OF THESE FOUND NOWHERE"
    return f"not done: {DOES[part.stage]} so far"


class Progress:
    """One line that is rewritten on a terminal, one a minute elsewhere."""

    def __init__(self) -> None:
        self._stream = sys.stderr
        self._about: tuple[str, str] | None = None
        self._begun = (0.0, 0)
        self._written = -EVERY

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the line that is rewritten."""
        if self._stream.isatty():
            click.echo(CLEAR, file=self._stream, nl=False)

    def show(self, part: Part) -> None:
        """Show how a part stands."""
        rows = part.checked if part.stage == "check" else part.rows
        if self._about != (part.part, part.stage):
            self._about, self._begun = (part.part, part.stage), (monotonic(), rows)
        elif self._stream.isatty():
            click.echo(f"{CLEAR}{self._line(part, rows)}", file=self._stream, nl=False)
        elif monotonic() - self._written >= EVERY:
            self._written = monotonic()
            click.echo(self._line(part, rows), file=self._stream)

    def _line(self, part: Part, rows: int) -> str:
        since, before = self._begun
        rate = (rows - before) / max(monotonic() - since, 0.001)
        of = f" of about {part.expected:,}" if part.expected else ""
        return f"{part.part}: {rows:,}{of} rows {DOES.get(part.stage, 'done')}, {rate:,.0f} rows/s"
