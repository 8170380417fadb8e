"""Days that are over: read whole, brought back, and dropped once an archive holds them.

Every step is one transaction that sees one moment: rows and ledger of a day always belong together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.sql import SQL, Literal
from psycopg.types.json import Jsonb

from ...errors import ArchiveError, UsageError
from ...model import Collector, Row, Table, Vanished
from ..commit import LOCK
from ..layouts import plain, timescale
from ..layouts.retention import Part, Retention
from ..queries import named
from ..session import session
from .content import DAY, Content, content, listed, name_of, span, statement
from .snapshot import refuse_unloaded

ROWS = 20_000
ONE_MOMENT = SQL("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
IN_UTC = SQL("SET LOCAL timezone = 'UTC'")
READ = SQL(
    "SELECT {columns} FROM {table} WHERE {time} >= %(since)s AND {time} < %(until)s ORDER BY {key}"
)
ANY = SQL(
    "SELECT EXISTS (SELECT FROM {table} WHERE {time} >= %(since)s AND {time} < %(until)s LIMIT 1)"
)
DELETE = SQL("DELETE FROM {table} WHERE {time} >= %(since)s AND {time} < %(until)s")
COPY = SQL("COPY {table} ({columns}) FROM STDIN")
HOLD = SQL("LOCK TABLE {part} IN SHARE MODE")
DROP_CHUNK = SQL(
    "SELECT drop_chunks({table}, older_than => {high}::timestamptz,"
    " newer_than => {low}::timestamptz)"
)
DROP_PARTITION = SQL("DROP TABLE {part}")
ENTER_DROPPED = """
    INSERT INTO dropped_days (collector, day, table_name, place, rows, checksum)
    VALUES (%(collector)s, %(day)s, %(table)s, %(place)s, %(rows)s, %(checksum)s)
    ON CONFLICT (collector, day) DO NOTHING
"""
BACK = "DELETE FROM dropped_days WHERE collector = %s AND day = %s"


@dataclass(frozen=True, slots=True)
class Standing:
    """How the ticks of a UTC day stand: how many are done or empty, and of these not settled."""

    day: date
    good: int
    unsettled: int
    dropped: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A day as it was at one moment."""

    connection: Connection[Any]
    collector: Collector
    day: date

    def ticks(self) -> list[dict[str, Any]]:
        """Return the ledger's rows."""
        found = self.connection.execute(named("ticks_of_day"), span(self.collector, self.day))
        return [tick for (tick,) in found]

    def content(self) -> Content:
        """Return what the day holds, computed by the database."""
        return content(self.connection, self.collector, self.day)

    def lacking(self) -> list[tuple[datetime, int]]:
        """Return the ticks of which rows are gone that the ledger tells of, and how many each.

        Only where an answer is the whole truth about its time are the rows of a tick known.
        """
        if self.collector.table.vanished is not Vanished.DELETE:
            return []
        query = statement(SQL(named("rows_lacking")), self.collector.table)
        return self.connection.execute(query, span(self.collector, self.day)).fetchall()

    def rows(self) -> Iterator[list[Row]]:
        """Yield the rows in the order of the key, the time last; some at a time."""
        with self.connection.cursor("gept_day") as cursor:
            cursor.execute(statement(READ, self.collector.table), span(self.collector, self.day))
            while rows := cursor.fetchmany(ROWS):
                yield rows


class Closed:
    """The days of one database."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self._retention = Retention(connection)

    def days(self, collector: Collector, since: datetime, until: datetime) -> list[Standing]:
        """Return how the days of a span stand, the oldest first."""
        about = {"collector": collector.name, "since": since, "until": until}
        about["step"] = collector.schedule.interval
        with self._connection.cursor(row_factory=class_row(Standing)) as cursor:
            return cursor.execute(named("closed_days"), about).fetchall()

    @contextmanager
    def snapshot(self, collector: Collector, day: date) -> Iterator[Snapshot]:
        """Give a day as it is at this moment."""
        with self._connection.transaction():
            self._connection.execute(ONE_MOMENT)
            self._connection.execute(IN_UTC)
            yield Snapshot(self._connection, collector, day)

    def bring_back(
        self,
        collector: Collector,
        day: date,
        batches: Iterable[list[Row]],
        held: Content,
        ticks: Sequence[dict[str, Any]],
        *,
        replace: bool,
    ) -> bool:
        """Store a day as an archive has it, whole or not at all; tell whether it was not there.

        Raises UsageError where other rows are there, unless they are to be replaced; ArchiveError
        where what was stored is not what the archive says.
        """
        with self._connection.transaction():
            self._connection.execute(LOCK, (collector.name,))
            self._connection.execute(IN_UTC)
            if lacking := content(self._connection, collector, day) != held:
                self._make_room(collector, day, replace=replace)
                self._copy(collector.table, batches, held)
                if content(self._connection, collector, day) != held:
                    raise ArchiveError(f"{day}: the rows of the file are not those of the manifest")
            self._enter(collector, day, ticks)
        return lacking

    def parts(self, collector: Collector, since: datetime, until: datetime) -> list[Part]:
        """Return the partitions or chunks that lie within a span whole, the oldest first."""
        found = self._retention.aged(name_of(collector.table), until)
        return [each for each in found if each.low >= since]

    def days_with_rows(self, collector: Collector, part: Part) -> list[date]:
        """Return the days of a part that have rows."""
        first = part.low.astimezone(UTC).date()
        days = (first + number * DAY for number in range((part.high - part.low) // DAY))
        query = statement(ANY, collector.table)
        return [
            day
            for day in days
            if self._connection.execute(query, span(collector, day)).fetchall()[0][0]
        ]

    def drop(
        self, collector: Collector, part: Part, held: Mapping[date, Content], place: str
    ) -> None:
        """Drop a part whose every row an archive holds: that is seen once more, under a lock.

        Raises ArchiveError where anything differs from what is held; then nothing is dropped.
        """
        with self._connection.transaction():
            self._connection.execute(timescale.PATIENCE)
            self._connection.execute(LOCK, (collector.name,))
            self._connection.execute(HOLD.format(part=SQL(part.name)))
            for day in self.days_with_rows(collector, part):
                if content(self._connection, collector, day) != held.get(day):
                    raise ArchiveError(f"{day}: has changed since it was archived; archive it anew")
            self._drop(collector.table, part)
            for day, what in held.items():
                self._connection.execute(ENTER_DROPPED, _dropped(collector, day, what, place))
            self._connection.execute(named("not_here"), {"collector": collector.name})

    def _drop(self, table: Table, part: Part) -> None:
        if self._retention.is_hypertable(name_of(table)):
            about = {"table": Literal(name_of(table)), "low": Literal(part.low)}
            self._connection.execute(DROP_CHUNK.format(**about, high=Literal(part.high)))
        else:
            self._connection.execute(DROP_PARTITION.format(part=SQL(part.name)))

    def _make_room(self, collector: Collector, day: date, *, replace: bool) -> None:
        """See that no row of a day is there."""
        about, table = span(collector, day), collector.table
        if not self._connection.execute(statement(ANY, table), about).fetchall()[0][0]:
            return
        if not replace:
            raise UsageError(
                f"{name_of(table)}: has other rows of {day} than the archive; add --replace to "
                "have those of the archive in their place"
            )
        with self._connection.cursor() as cursor:
            low, high = about["since"], about["until"]
            timescale.decompress(cursor, timescale.compressed(cursor, name_of(table), low, high))
            cursor.execute(statement(DELETE, table), about)

    def _copy(self, table: Table, batches: Iterable[list[Row]], held: Content) -> None:
        with self._connection.cursor() as cursor:
            if table.partition is not None and held.low is not None and held.high is not None:
                plain.ensure(cursor, name_of(table), table.partition, held.low, held.high)
            with cursor.copy(statement(COPY, table)) as copy:
                for rows in batches:
                    for row in rows:
                        copy.write_row(row)

    def _enter(self, collector: Collector, day: date, ticks: Sequence[dict[str, Any]]) -> None:
        """Let the ledger know a day again, and want it."""
        self._connection.execute(BACK, (collector.name, day))
        known = self._connection.execute(named("columns_of_table"), {"table": "ledger"})
        columns = [name for (name,) in known if ticks and name in ticks[0]]
        if ticks:
            query = SQL(named("bring_back_ticks")).format(
                columns=listed(columns), excluded=listed(columns, "excluded")
            )
            about = {"collector": collector.name, "ticks": Jsonb(list(ticks))}
            self._connection.execute(query, about)
        wanted = {
            **span(collector, day),
            "step": collector.schedule.interval,
            "delay": collector.schedule.delay,
            "tables": collector.tables,
        }
        self._connection.execute(named("want"), wanted)


@contextmanager
def closed(address: str) -> Iterator[Closed]:
    """Open a database's days. Raises StoreAway or StoreBroken."""
    with session(address) as connection:
        with connection.cursor() as cursor:
            refuse_unloaded(cursor)
        yield Closed(connection)


def _dropped(collector: Collector, day: date, what: Content, place: str) -> dict[str, Any]:
    return {
        "collector": collector.name,
        "day": day,
        "table": name_of(collector.table),
        "place": place,
        "rows": what.rows,
        "checksum": what.checksum,
    }
