"""A database that cannot be reached, for those who must do without it."""

from __future__ import annotations

from typing import NoReturn

from ..errors import StoreAway
from .database import Database


class Absent(Database):
    """Refuses everything at once, with what kept it from being there."""

    def __init__(self, why: str) -> None:
        self.why = why
        self.size = 1

    def transaction(self) -> NoReturn:
        """Raise StoreAway."""
        raise StoreAway(self.why)
