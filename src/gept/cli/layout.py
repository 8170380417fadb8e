"""What ``gept db status`` tells of tables and how they are laid out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .moments import in_json, written

if TYPE_CHECKING:
    from ..store.layouts.state import Policy, Size, State

UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def told(state: State) -> dict[str, Any]:
    """Return the state for JSON."""
    extension = state.extension
    return {
        "layout": {
            "mode": extension.mode.value,
            "why": extension.why,
            "version": extension.installed,
            "license": extension.license,
        },
        "tables": [_table(each) for each in state.sizes],
        "policies": [_policy(each) for each in state.policies],
        "failing_jobs": [
            {"table": each.name, "what": each.what, "at": in_json(each.at), "reason": each.reason}
            for each in state.failures
        ],
    }


def _table(size: Size) -> dict[str, Any]:
    return {
        "table": size.name,
        "kind": size.kind,
        "estimated_rows": size.rows,
        "bytes": size.bytes,
        "bytes_a_row": size.bytes_a_row,
        "parts": size.parts,
        "compressed_parts": size.closed,
        "compressed_share": size.compressed_share,
        "compression_ratio": size.ratio,
    }


def _policy(policy: Policy) -> dict[str, Any]:
    return {
        "table": policy.name,
        "what": policy.what,
        "after_seconds": policy.after.total_seconds(),
        "last_run": in_json(policy.last_at),
        "last_status": policy.last_status,
        "next_run": in_json(policy.next_at),
        "failures": policy.failures,
        "overdue": policy.overdue,
    }


def lines(state: State) -> Iterator[str]:
    """Yield the state as a person reads it."""
    yield f"layout: {state.extension.mode.value}: {state.extension.why}"
    if state.sizes:
        yield ""
    yield from sizes(state)
    for each in state.policies:
        yield _policy_line(each)
    for failure in state.failures:
        at = written(failure.at) if failure.at else "-"
        yield f"FAILED {failure.what} of {failure.name} at {at}: {' '.join(failure.reason.split())}"


def sizes(state: State) -> Iterator[str]:
    """Yield a table of the tables, the largest first."""
    if not state.sizes:
        return
    yield (
        f"{'table':<22} {'rows (estimated)':>16} {'size':>10} {'B/row':>7} {'parts':>6}"
        f" {'compressed':>11} {'ratio':>6}"
    )
    for each in sorted(state.sizes, key=lambda size: -size.bytes):
        rows = "unknown" if each.rows is None else f"{each.rows:,}"
        ratio = "-" if each.ratio is None else f"{each.ratio:g}x"
        share = f"{each.compressed_share:.0%}" if each.kind == "hypertable" else "-"
        a_row = "-" if each.bytes_a_row is None else f"{each.bytes_a_row:.1f}"
        yield (
            f"{each.name:<22} {rows:>16} {readable(each.bytes):>10} {a_row:>7} {each.parts:>6}"
            f" {share:>11} {ratio:>6}"
        )
    yield ""


def readable(size: int) -> str:
    """Return a number of bytes as a person reads it."""
    number, unit = float(size), 0
    while number >= 1024 and unit + 1 < len(UNITS):
        number, unit = number / 1024, unit + 1
    return f"{number:.0f} {UNITS[unit]}" if unit == 0 else f"{number:.1f} {UNITS[unit]}"


def _policy_line(policy: Policy) -> str:
    last = f"{written(policy.last_at)} {policy.last_status}" if policy.last_at else "never"
    following = written(policy.next_at) if policy.next_at else "-"
    late = (
        "; OVERDUE: raise timescaledb.max_background_workers and restart the server"
        if policy.overdue
        else ""
    )
    return (
        f"{policy.what} of {policy.name} after {policy.after.days} days: last run {last}, next "
        f"{following}, {policy.failures} failures{late}"
    )
