"""What a table holds of a UTC day: read by one query, and told by a checksum of all values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from types import NoneType
from typing import Any, get_args, get_type_hints

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.sql import SQL, Composable, Composed, Identifier

from ...errors import UsageError
from ...model import Collector, Table
from ..queries import named

DAY = timedelta(days=1)
MICROSECONDS = SQL("(extract(epoch FROM {column}) * 1000000)::bigint")


@dataclass(frozen=True, slots=True)
class Content:
    """What a table holds of a day; ``checksum`` is of all values of all rows."""

    rows: int
    low: datetime | None
    high: datetime | None
    checksum: str


def content(connection: Connection[Any], collector: Collector, day: date) -> Content:
    """Return what a table holds of a day."""
    query = statement(SQL(named("content_of_day")), collector.table)
    with connection.cursor(row_factory=class_row(Content)) as cursor:
        [found] = cursor.execute(query, span(collector, day)).fetchall()
    return found


def kinds(table: Table) -> dict[str, type]:
    """Return the type of the values of each column. Raises UsageError for what has no one type."""
    found = {}
    for name, hint in get_type_hints(table.record).items():
        [kind, *others] = [each for each in get_args(hint) or [hint] if each is not NoneType]
        if others or kind not in {int, datetime}:
            raise UsageError(f"{name_of(table)}: its column {name} cannot be archived")
        found[name] = kind
    return found


def span(collector: Collector, day: date) -> dict[str, Any]:
    """Return what a query needs to know of a day of a collector."""
    begin = datetime.combine(day, time(0), UTC)
    return {"collector": collector.name, "since": begin, "until": begin + DAY}


def name_of(table: Table) -> str:
    """Return the table that has every row."""
    return table.journal or table.name


def statement(form: SQL, table: Table) -> Composed:
    """Return a query about a table; rows are grouped by the key without the time."""
    group = [name for name in table.key if name != table.time]
    return form.format(
        table=Identifier(name_of(table)),
        columns=listed(table.columns),
        time=Identifier(table.time),
        group=listed(group),
        key=listed([*group, table.time]),
        line=_line(table),
    )


def _line(table: Table) -> Composable:
    """Return the SQL of a row as text; the archive makes the same of the rows of a file."""
    texts = [
        (MICROSECONDS if kind is datetime else SQL("{column}")).format(column=Identifier(name))
        for name, kind in kinds(table).items()
    ]
    return SQL("concat({}, ';')").format(SQL(", ',', ").join(texts))


def listed(names: Iterable[str], prefix: str | None = None) -> Composed:
    """Return names as SQL lists them."""
    return SQL(", ").join(Identifier(prefix, n) if prefix else Identifier(n) for n in names)
