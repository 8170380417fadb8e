"""Rows as they come out of an answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..model import Kind, Rejected, Row


def distinct(rows: Iterable[Row], key: int = 0) -> tuple[list[Row], list[Rejected]]:
    """Return rows without repetitions, and those that contradict an earlier one of their key."""
    first: dict[Any, Row] = {}
    contradictions = [
        Rejected(f"{row[key]} again [{number}]", "comes again with other values", row, Kind.OTHER)
        for number, row in enumerate(rows)
        if first.setdefault(row[key], row) != row
    ]
    return [*first.values()], contradictions
