"""What one transaction has written of a table, so that it sends none of it again."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import Any

from ..model import Row, Table


class Seen:
    """The newest values of each key among the rows that were taken in order.

    Of a snapshot, nine rows in ten repeat the one before it. Nobody else writes them while the
    transaction lasts, so that the server need not be asked whether they differ.
    """

    def __init__(self, table: Table) -> None:
        names = table.columns
        told = [name for name in names if name not in table.key and name not in table.stamps]
        self._key = itemgetter(*(names.index(name) for name in table.key))
        self._value = itemgetter(*(names.index(name) for name in told))
        self._known: dict[Any, Any] = {}
        self._last: list[Row] = []

    def fresh(self, rows: Iterable[Row]) -> list[Row]:
        """Return the rows that are new or differ from those before; they are the newest now."""
        key, value = self._key, self._value
        self._known.update((key(row), value(row)) for row in self._last)
        if not self._known:  # of a single snapshot nothing is noted
            self._last = list(rows)
        else:
            known = self._known.get
            self._last = [row for row in rows if known(key(row)) != value(row)]
        return self._last
