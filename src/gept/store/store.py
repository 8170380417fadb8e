"""Everything that gept asks of its database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import class_row
from psycopg.sql import SQL, Identifier
from psycopg.types.json import Json

from ..model import Collector, Counts, Decoded, Status
from . import writer
from .database import Database
from .layouts import plain
from .queries import named

LOCK = "SELECT pg_advisory_xact_lock(hashtext('gept commit'), hashtext(%s))"
NEWEST = SQL("SELECT max({time}) FROM {table} WHERE {column} = %s AND {time} <= %s")
NEWEST_OF_ITEM = SQL("""
    SELECT item, newest.{time} FROM unnest(%s::integer[]) AS item, LATERAL (
        SELECT {time} FROM {table} WHERE item_id = item ORDER BY {time} DESC LIMIT 1) AS newest
""")
PING = "SELECT 1"
FORGET_ANSWER = "DELETE FROM answers WHERE collector = %s AND tick = %s"
ANSWERS = "SELECT tick FROM answers WHERE collector = %s AND tick >= %s AND tick < %s ORDER BY tick"
ANSWER = "SELECT tape FROM answers WHERE collector = %s AND tick = %s"
MOST_ANSWERS = 500
PROCESSES = "SELECT * FROM processes WHERE beat_at >= %s ORDER BY started_at, id"
FORGET_PROCESS = "DELETE FROM processes WHERE id = %s"


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger is to say of a run of a tick; ``tape`` is its answer, to be kept."""

    collector: str
    tick: datetime
    status: Status
    asked: datetime
    now: datetime
    counts: Counts = Counts()
    settled: bool = False
    error: str | None = None
    next_try: datetime | None = None
    tape: bytes | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger says of a tick before a run of it."""

    status: Status | None
    attempts: int
    first_asked: datetime | None
    superseded: bool
    first_of_day: bool


@dataclass(frozen=True, slots=True)
class Process:
    """A process that collects, as its newest heart beat tells."""

    id: UUID
    host: str
    pid: int
    version: str
    started_at: datetime
    beat_at: datetime
    collectors: list[str]
    leads: list[str]
    last_ticks: dict[str, str]
    spooled: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A range of ticks that are wanted and not there, ``until`` not included, and why."""

    since: datetime
    until: datetime
    ticks: int
    cause: str
    error: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a collector stands, as the ledger tells it."""

    newest_good: datetime | None
    stored_tick: datetime | None
    committed_at: datetime | None
    tick: datetime | None
    status: str | None
    error: str | None
    attempts: int | None
    rows: int | None

    @property
    def newest_stored(self) -> tuple[datetime, datetime] | None:
        """The newest tick that has rows, and when these were committed."""
        if self.stored_tick is None or self.committed_at is None:
            return None
        return self.stored_tick, self.committed_at


class Store:
    """The database, as collecting needs it. Every method raises StoreAway or StoreBroken."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ping(self) -> None:
        """See that the database answers."""
        with self._database.transaction() as cursor:
            cursor.execute(PING)

    def begin(self, collector: Collector, since: datetime, now: datetime) -> None:
        """Want every tick of a collector from its first start on, and make partitions ahead."""
        with self._database.transaction() as cursor:
            step = collector.schedule.interval
            about = {"collector": collector.name, "step": step, "since": since, "now": now}
            cursor.execute(named("begin"), about)
            if collector.table.partition is not None:
                name = collector.table.journal or collector.table.name
                plain.ensure(cursor, name, collector.table.partition, now, now + plain.AHEAD)

    def want(self, collector: Collector, since: datetime, until: datetime) -> None:
        """Want the ticks of a span as well."""
        with self._database.transaction() as cursor:
            step = collector.schedule.interval
            about = {"collector": collector.name, "step": step, "since": since, "until": until}
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
            return _known(cursor, collector, tick, now)

    def commit(
        self, collector: Collector, decoded: Decoded, entry: Entry
    ) -> tuple[Counts, bool] | None:
        """Commit rows and the ledger's entry together; return the counts, and whether it was new.

        None for a snapshot that is stored already: it stays as it is, the first of a tick wins.
        Raises DecodeError for a false whole.
        """
        with self._database.transaction() as cursor:
            cursor.execute(LOCK, (collector.name,))
            known = _known(cursor, collector, entry.tick, entry.now)
            if collector.keeps_first and known.status is Status.DONE:
                return None
            counts = _write(cursor, collector, decoded, entry, known)
            _record(cursor, entry, counts, committed=entry.now)
            if known.status in {Status.PARTIAL, Status.REFUSED} and entry.status is Status.DONE:
                cursor.execute(FORGET_ANSWER, (collector.name, entry.tick))
        return counts, known.status is not Status.DONE

    def put(self, collector: Collector, decoded: Decoded, now: datetime) -> Counts:
        """Commit rows that are not the whole of any tick; the ledger does not hear of them."""
        with self._database.transaction() as cursor:
            cursor.execute(LOCK, (collector.name,))
            return writer.write(cursor, collector.table, writer.Batch(decoded.rows, now))

    def newest_of_items(self, collector: Collector, items: Sequence[int]) -> dict[int, datetime]:
        """Return the newest stored time of each item that has one."""
        query = NEWEST_OF_ITEM.format(
            time=Identifier(collector.table.time), table=Identifier(collector.table.name)
        )
        with self._database.transaction() as cursor:
            return dict(cursor.execute(query, (list(items),)).fetchall())

    def record(self, entry: Entry) -> None:
        """Enter a run that wrote no rows."""
        with self._database.transaction() as cursor:
            _record(cursor, entry, entry.counts, committed=None)

    def was_away(
        self, collector: Collector, since: datetime, until: datetime, now: datetime, error: str
    ) -> None:
        """Enter why the ticks of a span are missing that nobody entered: we were away."""
        about = {**_span(collector, since, until), "now": now, "error": error}
        about["next_try"] = None if collector.present_only else now
        with self._database.transaction() as cursor:
            cursor.execute(named("was_away"), about)

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
        with self._database.transaction() as cursor, _rows(cursor, Process) as processes:
            return processes.execute(PROCESSES, (since,)).fetchall()

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

    def due(
        self, collector: Collector, since: datetime, now: datetime, limit: int = 1
    ) -> list[datetime]:
        """Return the ticks since a moment that are to be asked for now, the most urgent first."""
        about = {
            "collector": collector.name,
            "since": since,
            "newest": collector.schedule.newest(now),
            "now": now,
            "limit": limit,
        }
        with self._database.transaction() as cursor:
            return [tick for tick, _ in cursor.execute(named("due"), about)]

    def next_due(self, collector: Collector, since: datetime, now: datetime) -> datetime | None:
        """Return when a tick next waits to be asked for again."""
        with self._database.transaction() as cursor:
            newest = collector.schedule.newest(now)
            about = {"collector": collector.name, "since": since, "newest": newest}
            found = cursor.execute(named("next_due"), about).fetchone()
        return found[0] if found else None

    def gaps(self, collector: Collector, since: datetime, until: datetime) -> list[Gap]:
        """Return the ticks of a span that are wanted and not there, as ranges."""
        with self._database.transaction() as cursor, _rows(cursor, Gap) as gaps:
            return gaps.execute(named("gaps"), _span(collector, since, until)).fetchall()

    def missing(self, collector: Collector, since: datetime, until: datetime) -> list[datetime]:
        """Return each tick of a span that is not good, wanted or not, oldest first."""
        step = collector.schedule.interval.total_seconds()
        with self._database.transaction() as cursor:
            about = {**_span(collector, since, until), "step": step}
            return [tick for (tick,) in cursor.execute(named("missing"), about)]

    def count_missing(
        self, collector: Collector, since: datetime, until: datetime
    ) -> tuple[int, int]:
        """Return how many ticks of a span are wanted and not there, and how many are wanted."""
        with self._database.transaction() as cursor:
            found = cursor.execute(
                named("count_missing"), _span(collector, since, until)
            ).fetchone()
        return found or (0, 0)

    def standing(self, collector: Collector, now: datetime) -> Standing:
        """Return how a collector stands."""
        about = {"collector": collector.name, "newest": collector.schedule.newest(now)}
        with self._database.transaction() as cursor, _rows(cursor, Standing) as standings:
            [found] = standings.execute(named("standing"), about).fetchall()
        return found  # type: ignore[no-any-return]


def _rows(cursor: Cursor[Any], kind: type[Any]) -> Cursor[Any]:
    return cursor.connection.cursor(row_factory=class_row(kind))


def _span(collector: Collector, since: datetime, until: datetime) -> dict[str, Any]:
    return {"collector": collector.name, "since": since, "until": until}


def _known(cursor: Cursor[Any], collector: Collector, tick: datetime, now: datetime) -> Known:
    newest = collector.schedule.newest(now)
    about = {"collector": collector.name, "tick": tick, "newest": newest}
    [(status, *others)] = cursor.execute(named("tick"), about).fetchall()
    return Known(Status(status) if status else None, *others)


def _write(
    cursor: Cursor[Any], collector: Collector, decoded: Decoded, entry: Entry, known: Known
) -> Counts:
    late = collector.present_only and known.superseded
    batch = writer.Batch(
        decoded.rows,
        entry.tick,
        whole=entry.settled and entry.status is Status.DONE,
        frame=known.first_of_day,
        tolerates=collector.tolerates,
        newest=collector.schedule.newest(entry.now),
    )
    if not late:
        return writer.write(cursor, collector.table, batch)
    about = {"collector": collector.name, "tick": entry.tick}
    [(following,)] = cursor.execute(named("following"), about).fetchall()
    return writer.write_late(cursor, collector.table, batch, following)


def _answer(entry: Entry) -> dict[str, Any]:
    return {
        "collector": entry.collector,
        "tick": entry.tick,
        "asked": entry.asked,
        "error": entry.error,
        "tape": entry.tape,
        "most": MOST_ANSWERS,
    }


def _record(cursor: Cursor[Any], entry: Entry, counts: Counts, committed: datetime | None) -> None:
    if entry.tape is not None:
        cursor.execute(named("keep_answer"), _answer(entry))
    cursor.execute(
        named("record"),
        {
            "collector": entry.collector,
            "tick": entry.tick,
            "status": entry.status.value,
            "settled": entry.settled,
            "rows": counts.rows,
            "inserted": counts.inserted,
            "updated": counts.updated,
            "removed": counts.removed,
            "unchanged": counts.unchanged,
            "rejected": entry.counts.rejected,
            "error": entry.error,
            "asked": entry.asked,
            "committed": committed,
            "next_try": entry.next_try,
        },
    )
