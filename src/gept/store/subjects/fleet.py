"""What processes on one database share: heart beats, leads, claims, slots, pauses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from threading import BoundedSemaphore
from uuid import UUID

from psycopg.sql import SQL
from psycopg.types.json import Json

from ...model import Collector
from ..database import Database
from ..queries import named
from ..records import Holder, Process
from .subject import Subject, rows_as

PROCESSES = "SELECT * FROM processes WHERE beat_at >= %s ORDER BY started_at, id"
FORGET_PROCESS = "DELETE FROM processes WHERE id = %s"
CLAIM = SQL("SELECT pg_try_advisory_xact_lock(hashtextextended({}, 0))")
"""Without parameters: the server would keep the snapshot of a statement that has some."""
LONG_CLAIM = "SET LOCAL idle_in_transaction_session_timeout = '5min'"
PAUSE = "INSERT INTO paused_backfills (collector) VALUES (%s) ON CONFLICT DO NOTHING"
RESUME = "DELETE FROM paused_backfills WHERE collector = %s"
PAUSED = "SELECT collector, paused_at FROM paused_backfills"


class Fleet(Subject):
    """The processes on one database, and what they share."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._claims = BoundedSemaphore(max(database.size // 2, 1))

    def beat(self, process: Process) -> None:
        """Enter that a process lives."""
        about = {**asdict(process), "last_ticks": Json(process.last_ticks)}
        with self._database.transaction() as cursor:
            cursor.execute(named("beat"), about)

    def forget_process(self, process: UUID) -> None:
        """Enter that a process has ended."""
        with self._database.transaction() as cursor:
            cursor.execute(FORGET_PROCESS, (process,))

    def processes(self, since: datetime) -> list[Process]:
        """Return the processes that have said since then that they live, the oldest first."""
        with self._database.transaction() as cursor, rows_as(cursor, Process) as processes:
            return processes.execute(PROCESSES, (since,)).fetchall()

    def holders(self, collectors: Sequence[str]) -> list[Holder]:
        """Return the sessions that hold the leads of collectors."""
        with self._database.transaction() as cursor, rows_as(cursor, Holder) as holders:
            return holders.execute(named("holders"), {"collectors": list(collectors)}).fetchall()

    def end_session(self, holder: Holder) -> bool:
        """End the session of a lead, if it is still that of its process; tell whether it was."""
        about = {"session": holder.session, "process": str(holder.process)}
        with self._database.transaction() as cursor:
            return cursor.execute(named("end_session"), about).rowcount > 0

    def leave(self, source: str, pace: timedelta, *, live: bool = False) -> float:
        """Take the next slot of a source; return the seconds to wait, 0 where it is taken.

        All processes on one database share the slots. ``live`` takes one at once, and lets the
        others wait for so long at least.
        """
        about = {"source": source, "pace": pace, "live": live}
        with self._database.transaction() as cursor:
            [(wait,)] = cursor.execute(named("leave"), about).fetchall()
        return float(wait)

    @contextmanager
    def claim(self, collector: Collector, tick: datetime) -> Iterator[bool]:
        """Give whether a tick is ours to ask for, and not in another's hands just now.

        It holds an idle transaction, so that the claim of a process that dies ends with it. Half
        of the connections can be held so, at most: whoever holds one needs another for the rows.
        """
        with self._claims, self._database.transaction() as cursor:
            key = f"gept ask {collector.name} {tick.timestamp()}"
            cursor.execute(LONG_CLAIM)
            [(ours,)] = cursor.execute(CLAIM.format(key)).fetchall()
            yield ours

    def pause_backfill(self, collector: Collector) -> None:
        """Let every backfill of a collector rest, in whatever process, until it is resumed."""
        with self._database.transaction() as cursor:
            cursor.execute(PAUSE, (collector.name,))

    def resume_backfill(self, collector: Collector) -> bool:
        """Let the backfills of a collector go on; tell whether they were paused."""
        with self._database.transaction() as cursor:
            return cursor.execute(RESUME, (collector.name,)).rowcount > 0

    def paused_backfills(self) -> dict[str, datetime]:
        """Return the names of the collectors whose backfills rest, and since when."""
        with self._database.transaction() as cursor:
            return dict(cursor.execute(PAUSED).fetchall())
