"""Rows into the tables, each tick together with its ledger row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from psycopg import Cursor
from psycopg.sql import SQL, Identifier

from ...errors import StoreError, StoreRefused
from ...model import Collector, Counts, Decoded, Rejected, Row, Status
from .. import dropped, history, hours, ledger
from ..commit import LOCK, Commit, Committed, Committing
from ..hours import Made
from ..records import Entry
from ..rejects import keep
from ..schema import shape
from ..writer import Batch, Writer
from .subject import Subject

NEWEST_OF_ITEM = SQL("""
    SELECT item, newest.{time} FROM unnest(%s::integer[]) AS item, LATERAL (
        SELECT {time} FROM {table} WHERE item_id = item ORDER BY {time} DESC LIMIT 1) AS newest
""")


class Rows(Subject):
    """Rows, and the ledger's word of them."""

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

    def record(self, entry: Entry, rejected: Sequence[Rejected] = ()) -> None:
        """Enter a run that wrote no rows, and entries of its answer that could not be rows."""
        with self._database.transaction() as cursor:
            ledger.record(cursor, entry, entry.counts, committed=None)
            keep(cursor, entry.collector, entry.tick, entry.now, rejected)

    def newest_of_items(self, collector: Collector, items: Sequence[int]) -> dict[int, datetime]:
        """Return the newest stored time of each item that has one."""
        query = NEWEST_OF_ITEM.format(
            time=Identifier(collector.table.time), table=Identifier(collector.table.name)
        )
        with self._database.transaction() as cursor:
            return dict(cursor.execute(query, (list(items),)).fetchall())

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
