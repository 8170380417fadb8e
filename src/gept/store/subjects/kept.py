"""What is kept of answers that were not believed whole: entries, and the answers themselves."""

from __future__ import annotations

from datetime import datetime

from ...model import Collector
from ..queries import named
from ..rejects import Reject, RejectCount, Search
from .subject import Subject, rows_as

FORGET_ANSWERS = "DELETE FROM answers WHERE asked_at < %s"
ANSWERS = "SELECT tick FROM answers WHERE collector = %s AND tick >= %s AND tick < %s ORDER BY tick"
ANSWER = "SELECT tape FROM answers WHERE collector = %s AND tick = %s"


class Kept(Subject):
    """Rejected entries, and answers to be read again."""

    def rejects(self, search: Search, limit: int) -> list[Reject]:
        """Return the entries that were rejected last."""
        with self._database.transaction() as cursor, rows_as(cursor, Reject) as found:
            return found.execute(named("rejects"), {**search.about, "limit": limit}).fetchall()

    def count_rejects(self, search: Search) -> list[RejectCount]:
        """Return how many entries were rejected, by collector and kind."""
        with self._database.transaction() as cursor, rows_as(cursor, RejectCount) as found:
            return found.execute(named("count_rejects"), search.about).fetchall()

    def forget_rejects(self, before: datetime, limit: int) -> int:
        """Delete some of the entries that were last rejected before a moment; return how many."""
        with self._database.transaction() as cursor:
            about = {"before": before, "limit": limit}
            return cursor.execute(named("forget_rejects"), about).rowcount

    def kept_answers(
        self, collector: Collector, since: datetime, until: datetime
    ) -> list[datetime]:
        """Return the ticks whose answers are kept to be read again, the oldest first."""
        with self._database.transaction() as cursor:
            found = cursor.execute(ANSWERS, (collector.name, since, until))
            return [tick for (tick,) in found]

    def kept_answer(self, collector: Collector, tick: datetime) -> bytes | None:
        """Return the tape of a tick's answer, if it is kept."""
        with self._database.transaction() as cursor:
            found = cursor.execute(ANSWER, (collector.name, tick)).fetchone()
        return found[0] if found else None

    def forget_answers(self, before: datetime) -> int:
        """Delete the answers that were asked for before a moment; return how many."""
        with self._database.transaction() as cursor:
            return cursor.execute(FORGET_ANSWERS, (before,)).rowcount
