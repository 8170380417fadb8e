"""Single items: their history asked for item by item, where their newest row is stale."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Event as Flag
from time import monotonic

from ..errors import DecodeError, UpstreamError
from ..model import Collector, Counts, Series
from ..runner.asking import spoilt
from ..store import Rank, Store
from ..upstream import BUDGET, Upstream
from .budget import Budget


@dataclass(frozen=True, slots=True)
class Mended:
    """What became of the hours of an item; ``spoilt`` tells how many could be no rows, and why."""

    counts: Counts
    spoilt: str | None = None


Outcome = Mended | UpstreamError | DecodeError


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
            decoded = series.decode(response)
            counts = self._store.put(collector, decoded, self._now())
        except (UpstreamError, DecodeError) as error:
            return error
        return Mended(counts, spoilt(decoded) if decoded.rejected else None)
