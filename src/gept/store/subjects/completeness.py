"""How complete collectors are: gaps, counts, days, and hours held against their buckets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ...model import Collector
from .. import hours
from ..hours import Difference, Hour, Made
from ..queries import named
from ..records import Day, Extent, Gap
from .subject import Subject, rows_as, span


class Completeness(Subject):
    """How complete collectors are."""

    def gaps(self, collector: Collector, since: datetime, until: datetime) -> list[Gap]:
        """Return the ticks of a span that are wanted and not there, as ranges."""
        with self._database.transaction() as cursor, rows_as(cursor, Gap) as gaps:
            return gaps.execute(named("gaps"), span(collector, since, until)).fetchall()

    def count_left(
        self, collector: Collector, since: datetime, until: datetime, *, reopen: bool = False
    ) -> int:
        """Return how many ticks of a span are not good, wanted or not.

        ``reopen`` counts those that were closed as empty as well.
        """
        step = collector.schedule.interval.total_seconds()
        about = {**span(collector, since, until), "step": step, "reopen": reopen}
        with self._database.transaction() as cursor:
            [(left,)] = cursor.execute(named("count_left"), about).fetchall()
        return int(left)

    def count_missing(
        self, collector: Collector, since: datetime, until: datetime
    ) -> tuple[int, int]:
        """Return how many ticks of a span are wanted and not there, and how many are wanted."""
        [found] = self.count_missing_since(collector, [since], until)
        return found

    def count_missing_since(
        self, collector: Collector, sinces: Sequence[datetime], until: datetime
    ) -> list[tuple[int, int]]:
        """Return the same for several spans that end together."""
        about = {"collector": collector.name, "sinces": list(sinces), "until": until}
        with self._database.transaction() as cursor:
            return cursor.execute(named("count_missing"), about).fetchall()

    def days(self, collector: Collector, since: datetime, until: datetime) -> list[Day]:
        """Return how complete each day of a span is, oldest first, without days not wanted."""
        with self._database.transaction() as cursor, rows_as(cursor, Day) as days:
            return days.execute(named("days"), span(collector, since, until)).fetchall()

    def extent(self, collector: Collector) -> Extent:
        """Return up to where a collector is complete."""
        with self._database.transaction() as cursor, rows_as(cursor, Extent) as extents:
            found = extents.execute(named("extent"), {"collector": collector.name}).fetchone()
        return found or Extent()

    def complete_hours(self, made: Made, since: datetime, until: datetime) -> list[Hour]:
        """Return the hours of a span whose buckets are all good."""
        with self._database.transaction() as cursor:
            return hours.complete(cursor, made, since, until)

    def differences(self, made: Made, tick: datetime) -> list[Difference]:
        """Return where an hour is not what its buckets make together."""
        with self._database.transaction() as cursor:
            return hours.differences(cursor, made, tick)
