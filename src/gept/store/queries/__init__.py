"""Named queries: one ``.sql`` file each."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import LiteralString


@cache
def named(name: str) -> LiteralString:
    """Return the text of a query."""
    return files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
