"""Single items: their history asked for item by item, where their newest row is stale."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from threading import Event as Flag
from time import monotonic

from .budget import Budget
from .errors import DecodeError, UpstreamError
from .model import Collector, Counts, Series
from .store import Rank, Store
from .upstream import BUDGET, Upstream

Outcome = Counts | UpstreamError | DecodeError


class Mender:
    """Mends single items of a collector whose source tells the history of one."""

    def __init__(
        self, upstream: Upstream, store: Store, now: Callable[[], datetime], stop: Flag
    ) -> None:
        self._upstream = upstream
        self._store = store
        self._now = now
        self._stop = stop

    def stale(self, collector: Collector, series: Series, items: Sequence[int]) -> list[int]:
        """Return the items whose newest row is too old, or that have none."""
        newest = self._store.newest_of_items(collector, items)
        limit = self._now() - series.stale
        return [item for item in items if item not in newest or newest[item] < limit]

    def mend(
        self, collector: Collector, series: Series, items: Sequence[int]
    ) -> Iterator[tuple[int, Outcome]]:
        """Fetch items one by one, politely; yield what became of each."""
        budget, source = Budget(self._store, series.pause), collector.source.name
        for item in items:
            if not budget.leave(source, Rank.CORRECTION, self._stop):
                return
            yield item, self._one(collector, series, item)

    def _one(self, collector: Collector, series: Series, item: int) -> Outcome:
        try:
            response = self._upstream.get(series.request(item), monotonic() + BUDGET)
            return self._store.put(collector, series.decode(response), self._now())
        except (UpstreamError, DecodeError) as error:
            return error
