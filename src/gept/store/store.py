"""Everything that gept asks of its database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from threading import BoundedSemaphore
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import class_row
from psycopg.sql import SQL, Identifier
from psycopg.types.json import Json

from ..errors import StoreError, StoreRefused
from ..model import Collector, Counts, Decoded, Rejected, Row, Status
from . import dropped, history, hours, ledger
from .commit import LOCK, Commit, Committed, Committing
from .database import Database
from .hours import Difference, Hour, Made
from .layouts import plain, retention, timescale
from .queries import named
from .records import Day, Entry, Extent, Gap, Holder, Known, Process, Rank, Size, Standing
from .rejects import Reject, RejectCount, Search, keep
from .schema import shape
from .writer import Batch, Writer

NEWEST = SQL("SELECT max({time}) FROM {table} WHERE {column} = %s AND {time} <= %s")
NEWEST_OF_ITEM = SQL("""
    SELECT item, newest.{time} FROM unnest(%s::integer[]) AS item, LATERAL (
        SELECT {time} FROM {table} WHERE item_id = item ORDER BY {time} DESC LIMIT 1) AS newest
""")
PING = "SELECT 1"
FORGET_ANSWERS = "DELETE FROM answers WHERE asked_at < %s"
ANSWERS = "SELECT tick FROM answers WHERE collector = %s AND tick >= %s AND tick < %s ORDER BY tick"
ANSWER = "SELECT tape FROM answers WHERE collector = %s AND tick = %s"
PROCESSES = "SELECT * FROM processes WHERE beat_at >= %s ORDER BY started_at, id"
FORGET_PROCESS = "DELETE FROM processes WHERE id = %s"
CLAIM = SQL("SELECT pg_try_advisory_xact_lock(hashtextextended({}, 0))")
"""Without parameters: the server would keep the snapshot of a statement that has some."""
LONG_CLAIM = "SET LOCAL idle_in_transaction_session_timeout = '5min'"
PAUSE = "INSERT INTO paused_backfills (collector) VALUES (%s) ON CONFLICT DO NOTHING"
RESUME = "DELETE FROM paused_backfills WHERE collector = %s"
PAUSED = "SELECT collector, paused_at FROM paused_backfills"


class Store:
    """The database, as collecting needs it. Every method raises StoreAway or StoreBroken."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._claims = BoundedSemaphore(max(database.size // 2, 1))

    def ping(self) -> None:
        """See that the database answers."""
        with self._database.transaction() as cursor:
            cursor.execute(PING)

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

    def commit(self, collector: Collector, decoded: Decoded, entry: Entry) -> Committed:
        """Commit rows and the ledger's entry together; return the counts, and whether it was new.

        None for a snapshot that is stored already: it stays as it is, the first of a tick wins.
        Raises DecodeError for a false whole, NotYet for a bucket that repeats the one before.
        """
        with self._writing(collector) as cursor:
            return Committing(cursor, collector).commit(decoded, entry)

    @contextmanager
    def together(self, collector: Collector) -> Iterator[Commit]:
        """Give what commits ticks of a collector in one transaction, the older ones first.

        It takes and returns what ``commit`` does. All of them are committed at the end, or none.
        """
        with self._writing(collector) as cursor:
            yield Committing(cursor, collector).commit

    def put(self, collector: Collector, decoded: Decoded, now: datetime) -> Counts:
        """Commit rows that are not the whole of any tick; the ledger does not hear of them."""
        with self._writing(collector) as cursor:
            cursor.execute(LOCK, (collector.name,))
            rows = dropped.left_out(cursor, collector, decoded)
            return Writer(cursor, collector.table).write(Batch(rows, now))

    def newest_of_items(self, collector: Collector, items: Sequence[int]) -> dict[int, datetime]:
        """Return the newest stored time of each item that has one."""
        query = NEWEST_OF_ITEM.format(
            time=Identifier(collector.table.time), table=Identifier(collector.table.name)
        )
        with self._database.transaction() as cursor:
            return dict(cursor.execute(query, (list(items),)).fetchall())

    def record(self, entry: Entry, rejected: Sequence[Rejected] = ()) -> None:
        """Enter a run that wrote no rows, and entries of its answer that could not be rows."""
        with self._database.transaction() as cursor:
            ledger.record(cursor, entry, entry.counts, committed=None)
            keep(cursor, entry.collector, entry.tick, entry.now, rejected)

    def rejects(self, search: Search, limit: int) -> list[Reject]:
        """Return the entries that were rejected last."""
        with self._database.transaction() as cursor, _rows(cursor, Reject) as found:
            return found.execute(named("rejects"), {**search.about, "limit": limit}).fetchall()

    def count_rejects(self, search: Search) -> list[RejectCount]:
        """Return how many entries were rejected, by collector and kind."""
        with self._database.transaction() as cursor, _rows(cursor, RejectCount) as found:
            return found.execute(named("count_rejects"), search.about).fetchall()

    def forget_rejects(self, before: datetime, limit: int) -> int:
        """Delete some of the entries that were last rejected before a moment; return how many."""
        with self._database.transaction() as cursor:
            about = {"before": before, "limit": limit}
            return cursor.execute(named("forget_rejects"), about).rowcount

    def forget_answers(self, before: datetime) -> int:
        """Delete the answers that were asked for before a moment; return how many."""
        with self._database.transaction() as cursor:
            return cursor.execute(FORGET_ANSWERS, (before,)).rowcount

    def expire(self, now: datetime) -> None:
        """Want no longer what the server deletes by itself, where a person told it to."""
        with self._database.transaction() as cursor:
            retention.expire(cursor, now)

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

    def holders(self, collectors: Sequence[str]) -> list[Holder]:
        """Return the sessions that hold the leads of collectors."""
        with self._database.transaction() as cursor, _rows(cursor, Holder) as holders:
            return holders.execute(named("holders"), {"collectors": list(collectors)}).fetchall()

    def end_session(self, holder: Holder) -> bool:
        """End the session of a lead, if it is still that of its process; tell whether it was."""
        about = {"session": holder.session, "process": str(holder.process)}
        with self._database.transaction() as cursor:
            return cursor.execute(named("end_session"), about).rowcount > 0

    def sizes(self, tables: Sequence[str]) -> list[Size]:
        """Return how big tables are, without reading any of their rows."""
        with self._database.transaction() as cursor, _rows(cursor, Size) as sizes:
            found = sizes.execute(named("sizes"), {"names": list(tables)}).fetchall()
            large = timescale.sizes(cursor)
        return [_with_chunks(each, large) for each in found]

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

    def reopen(self, collector: Collector, since: datetime, until: datetime) -> int:
        """Open the ticks of a span that were closed as empty; return how many these were.

        They are due again. One more answer without anything closes them again.
        """
        with self._database.transaction() as cursor:
            return cursor.execute(named("reopen"), _span(collector, since, until)).rowcount

    def count_left(
        self, collector: Collector, since: datetime, until: datetime, *, reopen: bool = False
    ) -> int:
        """Return how many ticks of a span are not good, wanted or not.

        ``reopen`` counts those that were closed as empty as well.
        """
        step = collector.schedule.interval.total_seconds()
        about = {**_span(collector, since, until), "step": step, "reopen": reopen}
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
        with self._database.transaction() as cursor, _rows(cursor, Day) as days:
            return days.execute(named("days"), _span(collector, since, until)).fetchall()

    def extent(self, collector: Collector) -> Extent:
        """Return up to where a collector is complete."""
        with self._database.transaction() as cursor, _rows(cursor, Extent) as extents:
            found = extents.execute(named("extent"), {"collector": collector.name}).fetchone()
        return found or Extent()

    def was_away(
        self, collector: Collector, since: datetime, until: datetime, now: datetime, error: str
    ) -> int:
        """Enter that the database was away for wanted ticks of which nothing is known yet.

        Those of a source that knows the past are due at once. Return how many were entered.
        """
        about = {**_span(collector, since, until), "now": now, "error": error}
        about["next_try"] = None if collector.present_only else now
        with self._database.transaction() as cursor:
            return cursor.execute(named("was_away"), about).rowcount

    def complete_hours(self, made: Made, since: datetime, until: datetime) -> list[Hour]:
        """Return the hours of a span whose buckets are all good."""
        with self._database.transaction() as cursor:
            return hours.complete(cursor, made, since, until)

    def differences(self, made: Made, tick: datetime) -> list[Difference]:
        """Return where an hour is not what its buckets make together."""
        with self._database.transaction() as cursor:
            return hours.differences(cursor, made, tick)

    def rebuild(self, made: Made, tick: datetime, now: datetime) -> Counts | None:
        """Make an hour of its buckets; None where it has come meanwhile, or they hold no row."""
        collector = made.whole
        with self._writing(collector) as cursor:
            cursor.execute(LOCK, (collector.name,))
            if ledger.known(cursor, collector, tick, now).status is Status.DONE:
                return None
            if not (rows := hours.sums(cursor, made, tick)):
                return None
            batch = Batch(rows, tick, whole=True, tolerates=1.0)
            counts = Writer(cursor, collector.table).write(batch)
            hours.record(cursor, made, tick, counts, now)
        return counts

    def enter_counts(
        self, collector: Collector, rows: Sequence[Row], now: datetime, *, dry: bool = False
    ) -> history.Entered:
        """Enter player counts that came from elsewhere; those that are there stay.

        ``dry`` only tells what would become of them.
        """
        with self._database.transaction() as cursor:
            entered = history.enter_counts(cursor, collector, rows, now)
            if dry:
                cursor.connection.rollback()
        return entered

    def enter_items(self, items: Sequence[Row], *, dry: bool = False) -> tuple[int, int]:
        """Enter items that came from elsewhere; return how many, and how many changes, are new.

        Those that are known stay as they are. ``dry`` only tells what would become of them.
        """
        with self._database.transaction() as cursor:
            entered = history.enter_items(cursor, items)
            if dry:
                cursor.connection.rollback()
        return entered

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

    @contextmanager
    def _writing(self, collector: Collector) -> Iterator[Cursor[Any]]:
        """Give a transaction for rows; where these are refused, a column may be to blame."""
        try:
            with self._database.transaction() as cursor:
                yield cursor
        except StoreRefused as error:
            raise self._blamed(collector, error) from error

    def _blamed(self, collector: Collector, error: StoreRefused) -> StoreError:
        with self._database.transaction() as cursor:
            return shape.blamed(shape.look(cursor, collector.table), error)

    def standing(self, collector: Collector, now: datetime) -> Standing:
        """Return how a collector stands."""
        about = {"collector": collector.name, "newest": collector.schedule.newest(now)}
        with self._database.transaction() as cursor, _rows(cursor, Standing) as standings:
            [found] = standings.execute(named("standing"), about).fetchall()
        return found  # type: ignore[no-any-return]


def _rows(cursor: Cursor[Any], kind: type[Any]) -> Cursor[Any]:
    return cursor.connection.cursor(row_factory=class_row(kind))


def _with_chunks(size: Size, large: dict[str, tuple[int | None, int]]) -> Size:
    """Return the size of a table with the chunks that are compressed, which are tables apart."""
    if size.name not in large:
        return size
    rows, taken = large[size.name]
    return replace(size, rows=rows or size.rows, size=taken)


def _span(collector: Collector, since: datetime, until: datetime) -> dict[str, Any]:
    return {"collector": collector.name, "since": since, "until": until}


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
