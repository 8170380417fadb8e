"""What is asked of the ledger about ticks: which are wanted, known, due, missing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg.sql import SQL, Identifier

from ...model import Collector
from .. import ledger
from ..layouts import plain
from ..queries import named
from ..records import Known, Rank, Standing
from .subject import Subject, rows_as, span

NEWEST = SQL("SELECT max({time}) FROM {table} WHERE {column} = %s AND {time} <= %s")


class Ticks(Subject):
    """The ticks of the ledger."""

    def begin(self, collector: Collector, since: datetime, now: datetime) -> None:
        """Want every tick of a collector from its first start on, and make partitions ahead."""
        with self._database.transaction() as cursor:
            about = {**declared(collector), "since": since, "now": now}
            cursor.execute(named("begin"), about)
            if collector.table.partition is not None:
                name = collector.table.journal or collector.table.name
                plain.ensure(cursor, name, collector.table.partition, now, now + plain.AHEAD)

    def want(self, collector: Collector, since: datetime, until: datetime) -> None:
        """Want the ticks of a span as well."""
        with self._database.transaction() as cursor:
            about = {**declared(collector), "since": since, "until": until}
            cursor.execute(named("want"), about)

    def newest(self, collector: Collector, now: datetime) -> datetime | None:
        """Return the newest stored time, up to now, of what a collector continues from."""
        if collector.resume is None:
            return None
        query = NEWEST.format(
            time=Identifier(collector.table.time),
            table=Identifier(collector.table.name),
            column=Identifier(collector.resume.column),
        )
        with self._database.transaction() as cursor:
            found = cursor.execute(query, (collector.resume.value, now)).fetchone()
        return found[0] if found else None

    def known(self, collector: Collector, tick: datetime, now: datetime) -> Known:
        """Return what the ledger says of a tick."""
        with self._database.transaction() as cursor:
            return ledger.known(cursor, collector, tick, now)

    def due(
        self, collector: Collector, since: datetime, now: datetime, limit: int = 1
    ) -> list[tuple[datetime, Rank]]:
        """Return the ticks since a moment that are to be asked for now, the most urgent first.

        What is stored of a source that knows the past is read once more, however old it is.
        """
        about = {**_reach(collector, since, now), "now": now, "limit": limit}
        with self._database.transaction() as cursor:
            return [(tick, Rank(rank)) for tick, rank in cursor.execute(named("due"), about)]

    def next_due(self, collector: Collector, since: datetime, now: datetime) -> datetime | None:
        """Return when a tick next waits to be asked for again."""
        with self._database.transaction() as cursor:
            found = cursor.execute(named("next_due"), _reach(collector, since, now)).fetchone()
        return found[0] if found else None

    def missing(self, collector: Collector, since: datetime, until: datetime) -> list[datetime]:
        """Return each tick of a span that is not good, wanted or not, oldest first."""
        step = collector.schedule.interval.total_seconds()
        with self._database.transaction() as cursor:
            about = {**span(collector, since, until), "step": step}
            return [tick for (tick,) in cursor.execute(named("missing"), about)]

    def reopen(self, collector: Collector, since: datetime, until: datetime) -> int:
        """Open the ticks of a span that were closed as empty; return how many these were.

        They are due again. One more answer without anything closes them again.
        """
        with self._database.transaction() as cursor:
            return cursor.execute(named("reopen"), span(collector, since, until)).rowcount

    def was_away(
        self, collector: Collector, since: datetime, until: datetime, now: datetime, error: str
    ) -> int:
        """Enter that the database was away for wanted ticks of which nothing is known yet.

        Those of a source that knows the past are due at once. Return how many were entered.
        """
        about = {**span(collector, since, until), "now": now, "error": error}
        about["next_try"] = None if collector.present_only else now
        with self._database.transaction() as cursor:
            return cursor.execute(named("was_away"), about).rowcount

    def standing(self, collector: Collector, now: datetime) -> Standing:
        """Return how a collector stands."""
        about = {"collector": collector.name, "newest": collector.schedule.newest(now)}
        with self._database.transaction() as cursor, rows_as(cursor, Standing) as standings:
            [found] = standings.execute(named("standing"), about).fetchall()
        return found  # type: ignore[no-any-return]


def _reach(collector: Collector, since: datetime, now: datetime) -> dict[str, Any]:
    """Return which ticks can be due: those since a moment, and those that are yet to settle."""
    return {
        "collector": collector.name,
        "since": since,
        "settling_since": since if collector.history is None else min(since, collector.history),
        "newest": collector.schedule.newest(now),
    }


def declared(collector: Collector) -> dict[str, Any]:
    """Return what the database is to know of a collector."""
    return {
        "collector": collector.name,
        "step": collector.schedule.interval,
        "delay": collector.schedule.delay,
        "tables": collector.tables,
    }
