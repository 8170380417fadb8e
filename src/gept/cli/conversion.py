"""How the plan, the progress and the outcome of a conversion are shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .counting import Counting
from .layout import readable
from .plans import cost, length

if TYPE_CHECKING:
    from ..store import conversion
    from ..store.conversion import Plan, Step


NOTHING = "nothing is to be converted: no table of prices is in native partitions"


def told(plan: Plan) -> dict[str, Any]:
    """Return the plan for JSON."""
    return {
        "tables": [_table(each) for each in plan.steps],
        "obstacles": plan.obstacles,
        "space_needed": plan.space,
        "space_free": plan.free,
        "seconds": round(plan.seconds),
        "begun": [
            {"table": each.name, "done": each.done, "rows": each.rows} for each in plan.begun
        ],
    }


def _table(step: Step) -> dict[str, Any]:
    return {
        "table": step.old.name,
        "estimated_rows": step.old.rows,
        "bytes": step.old.bytes,
        "parts": len(step.old.parts),
        "read_by": step.old.readers,
        "space_needed": step.space,
        "seconds": round(step.seconds),
    }


def lines(plan: Plan) -> Iterator[str]:
    """Yield the plan as a person reads it."""
    yield from account(plan.begun)
    for each in plan.steps:
        yield from _of_table(each)
    for wrong in plan.obstacles:
        yield f"HINDERED: {wrong}"
    if not plan.steps:
        yield NOTHING
    elif not plan.obstacles:
        yield from cost(
            plan.space, plan.free, plan.seconds, "reading and collecting go on meanwhile"
        )
        yield "nothing was changed; do it by: gept db convert --yes"


def _of_table(step: Step) -> Iterator[str]:
    old = step.old
    rows = "an unknown number of" if old.rows is None else f"about {old.rows:,}"
    yield f"{old.name}: {rows} rows, {readable(old.bytes)} in {len(old.parts)} parts"
    if old.readers:
        yield f"  goes on being read by: {', '.join(old.readers)}"
    yield f"  as a hypertable: {readable(step.space)} beside it, {length(step.seconds)}"


def account(standing: Iterable[conversion.Progress]) -> Iterator[str]:
    """Yield how each conversion stands that was begun."""
    for each in standing:
        if each.done:
            yield (
                f"{each.name}: a hypertable now; each of {each.rows:,} copied rows was compared; "
                "the old table is kept until: gept db convert --drop-old --yes"
            )
        else:
            rows = f"{each.rows:,} rows copied"
            yield f"{each.name}: begun, {rows}; goes on by: gept db convert --yes"


class Progress(Counting):
    """Shows how each table goes."""

    def show(self, now: conversion.Progress) -> None:
        """Show how a table stands."""
        self.count(now.name, "copied and compared", now.rows, now.expected)
