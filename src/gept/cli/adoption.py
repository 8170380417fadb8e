"""How the plan, the progress and the outcome of an adoption are shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .counting import Counting
from .layout import readable
from .plans import cost, length

if TYPE_CHECKING:
    from ..store.adoption import Part, Plan, Step

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
        yield _how_far(plan.parts)
        yield from account(plan.parts)
    for each in plan.steps:
        yield from _of_table(each)
    for wrong in plan.obstacles:
        yield f"HINDERED: {wrong}"
    if plan.others:
        named = ", ".join(f"{name} ({readable(size)})" for name, size in plan.others)
        yield f"not touched: {named}"
    if plan.steps:
        yield from cost(plan.space, plan.free, plan.seconds, "collecting may go on meanwhile")
        yield "nothing was changed; stop what writes to these tables, then: gept db adopt --yes"
    elif not plan.parts and not plan.obstacles:
        yield "nothing is there to adopt"


def _how_far(parts: Iterable[Part]) -> str:
    if all(each.stage == "dropped" for each in parts):
        return "adopted, proved, and the old tables dropped:"
    if all(each.proved for each in parts):
        return "adopted and proved; `gept db adopt --drop-old` shows what can be dropped:"
    return "begun already; `gept db adopt --yes` goes on:"


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
        f"{readable(step.space)} more, {length(step.seconds)}"
    )


def _repeated(step: Step) -> str:
    if not step.looked_at:
        return f"unique: {'; '.join(step.old.keys)}" if step.old.keys else "no key; no rows"
    return (
        f"no key: of {step.looked_at:,} rows looked at {step.repeated:,} repeat the key of another"
    )


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


class Progress(Counting):
    """Shows how each part goes."""

    def show(self, part: Part) -> None:
        """Show how a part stands."""
        rows = part.checked if part.stage == "check" else part.rows
        self.count(part.part, DOES.get(part.stage, "done"), rows, part.expected)
