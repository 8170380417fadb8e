"""Rows into a table, once each, with exact counts.

They are staged first; then rows whose key is new are inserted in
key order, rows that differ are updated, and rows that are the same are not touched at all: no
lock, no log. What the source no longer has is removed or marked where the answer was whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from psycopg import Cursor
from psycopg.sql import SQL, Composable, Composed, Identifier

from ..errors import DecodeError
from ..model import Counts, Row, Table, Vanished
from .layouts import plain, timescale
from .seen import Seen
from .staging import Staged, Staging

JOURNAL = SQL("""
    INSERT INTO {journal} ({columns})
    SELECT {fresh_columns} FROM {staged} AS fresh LEFT JOIN {table} AS stored ON {same_key}
    WHERE %(frame)s OR {no_stored} OR ROW ({stored_values}) IS DISTINCT FROM ROW ({fresh_values})
       OR stored.{time} > %(newest)s
    ORDER BY {fresh_key}
    ON CONFLICT ({journal_key}) DO UPDATE SET ({values}) = ROW ({excluded_values})
""")
LATE = SQL("""
    WITH late AS (
        INSERT INTO {journal} ({columns})
        SELECT {fresh_columns} FROM {staged} AS fresh LEFT JOIN LATERAL (
            SELECT * FROM {journal} AS older WHERE {older_of_fresh} AND older.{time} <= %(tick)s
              AND older.{time} >= date_trunc('day', %(tick)s::timestamptz)
            ORDER BY older.{time} DESC LIMIT 1) AS stored ON true
        WHERE %(frame)s OR {no_stored}
           OR ROW ({stored_values}) IS DISTINCT FROM ROW ({fresh_values})
        ORDER BY {fresh_key}
        ON CONFLICT ({journal_key}) DO NOTHING
        RETURNING {key}
    ), restored AS (
        INSERT INTO {journal} ({key}, {time}, {values})
        SELECT {stored_key}, %(following)s, {stored_values} FROM late JOIN LATERAL (
            SELECT * FROM {journal} AS older WHERE {older_of_late} AND older.{time} < %(tick)s
              AND older.{time} >= date_trunc('day', %(tick)s::timestamptz)
            ORDER BY older.{time} DESC LIMIT 1) AS stored ON true
        WHERE %(following)s::timestamptz IS NOT NULL
        ON CONFLICT ({journal_key}) DO NOTHING
    )
    SELECT count(*) FROM late
""")
INSERT = SQL("""
    INSERT INTO {table} ({columns})
    SELECT {fresh_columns} FROM {staged} AS fresh LEFT JOIN {table} AS stored ON {same_key}
    WHERE {no_stored}
    ORDER BY {fresh_key}
    ON CONFLICT ({key}) DO NOTHING
""")
UPDATE = SQL("""
    UPDATE {table} AS stored SET ({rest}) = ROW ({fresh_rest}) FROM {staged} AS fresh
    WHERE {same_key} AND {other} AND {forward}
""")
DIFFERS = SQL("""
    SELECT EXISTS (SELECT FROM {table} AS stored, {staged} AS fresh
    WHERE {same_key} AND ROW ({stored_values}) IS DISTINCT FROM ROW ({fresh_values}))
""")
GONE = SQL("{scope} AND NOT EXISTS (SELECT FROM {staged} AS fresh WHERE {same_key})")
ANY_GONE = SQL("SELECT EXISTS (SELECT FROM {table} AS stored WHERE {gone})")
COUNT_GONE = SQL("SELECT count(*) FROM {table} AS stored WHERE {gone}")
DELETE = SQL("DELETE FROM {table} AS stored WHERE {gone}")
MARK = SQL("UPDATE {table} AS stored SET removed_at = %(tick)s WHERE {gone}")


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be written of one tick.

    ``whole`` tells that the answer is the whole truth, so that what it lacks is gone; at most the
    share ``tolerates`` of it may go at once; ``remedy`` is told where more would. ``frame`` tells
    that the journal gets every row. What is stored for later than ``newest`` came from a clock that
    was ahead, and gives way.
    """

    rows: Iterable[Row]
    tick: datetime
    whole: bool = False
    frame: bool = False
    tolerates: float = 0.2
    newest: datetime | None = None
    remedy: str = "ask again"


class Writer:
    """Writes batches into a table, in the caller's transaction, the older ones first."""

    def __init__(self, cursor: Cursor[Any], table: Table) -> None:
        self._cursor = cursor
        self._table = table
        self._staging = Staging(cursor, table)
        self._seen = Seen(table) if table.journal is not None else None

    def write(self, batch: Batch) -> Counts:
        """Write rows and return what became of each.

        Raises DecodeError where the answer would take away more than it may.
        """
        rows, repeated = self._new(batch)
        staged = self._staging.fill(rows)
        if staged.rows == 0:
            return Counts(unchanged=repeated)
        counts = _written(self._cursor, self._table, batch, staged)
        return replace(counts, unchanged=counts.unchanged + repeated)

    def write_late(self, batch: Batch, following: datetime | None) -> Counts:
        """Write the rows of a snapshot that comes after a newer one was stored.

        It goes into its place in the journal, and what the snapshot ``following`` it had left out
        as unchanged is written there. Elsewhere only what is new is kept: the newer one knew
        better, and what was seen of it still holds.
        """
        staged = self._staging.fill(batch.rows)
        if staged.rows == 0:
            return Counts()
        return _written_late(self._cursor, self._table, batch, staged, following)

    def _new(self, batch: Batch) -> tuple[Iterable[Row], int]:
        """Return the rows to write, and how many others only repeat what was written before."""
        if self._seen is None:
            return batch.rows, 0
        rows = list(batch.rows)
        fresh = self._seen.fresh(rows)
        return (rows, 0) if batch.frame else (fresh, len(rows) - len(fresh))


def _written(cursor: Cursor[Any], table: Table, batch: Batch, staged: Staged) -> Counts:
    """Bring what is staged into the table and its journal."""
    closed = _lay_out(cursor, table, batch, staged)
    statements = _statements(table, staged.name)
    about = {**_about(batch, staged), "newest": batch.newest or batch.tick}
    changes = bool(closed) and _changes(cursor, table, batch, statements, about)
    if changes:
        timescale.decompress(cursor, closed)
    removed = _remove(cursor, table, batch, staged, about)
    if table.journal is not None:
        cursor.execute(statements["journal"], about)
    inserted = cursor.execute(statements["insert"], about).rowcount
    updated = 0
    if inserted < staged.rows and (not closed or changes):
        updated = _change(cursor, table, statements["update"], about)
    return Counts(inserted, updated, removed, staged.rows - inserted - updated)


def _written_late(
    cursor: Cursor[Any], table: Table, batch: Batch, staged: Staged, following: datetime | None
) -> Counts:
    """Bring what is staged into its place in the journal."""
    timescale.decompress(cursor, _lay_out(cursor, table, batch, staged))
    statements = _statements(table, staged.name)
    about = {**_about(batch, staged), "following": following}
    if table.journal is None:
        inserted = cursor.execute(statements["insert"], about).rowcount
    else:
        [(inserted,)] = cursor.execute(statements["late"], about).fetchall()
    return Counts(inserted, unchanged=staged.rows - inserted)


def _about(batch: Batch, staged: Staged) -> dict[str, Any]:
    return {"low": staged.low, "high": staged.high, "tick": batch.tick, "frame": batch.frame}


def _lay_out(cursor: Cursor[Any], table: Table, batch: Batch, staged: Staged) -> list[str]:
    """Make room for the rows; return the compressed chunks that they go to."""
    if table.partition is None:
        return []
    low, high = staged.low, staged.high
    if table.journal is not None:
        low = high = batch.tick
    name = table.journal or table.name
    if plain.ensure(cursor, name, table.partition, low, high):
        return []
    return timescale.compressed(cursor, name, low, high)


def _changes(
    cursor: Cursor[Any],
    table: Table,
    batch: Batch,
    statements: dict[str, Composed],
    about: dict[str, Any],
) -> bool:
    """Tell whether stored rows are to change; new ones go into compressed chunks as they are."""
    if table.journal is not None:
        return True
    asked = [statements["differs"]]
    if table.vanished is Vanished.DELETE and batch.whole:
        asked.append(statements["any_gone"])
    return any(found[0] for each in asked for found in cursor.execute(each, about).fetchall())


def _remove(
    cursor: Cursor[Any], table: Table, batch: Batch, staged: Staged, about: dict[str, Any]
) -> int:
    """Remove or mark what a whole answer lacks, unless that is more than one answer may take."""
    if table.vanished is Vanished.KEEP or not batch.whole:
        return 0
    statements = _statements(table, staged.name)
    found = cursor.execute(statements["count_gone"], about).fetchone()
    gone = int(found[0]) if found else 0
    if gone > batch.tolerates * (staged.rows + gone):
        said = f"the answer lacks {gone} of the rows in {table.name}: not believed"
        raise DecodeError(f"{said}; {batch.remedy}")
    return _change(cursor, table, statements[table.vanished.name], about) if gone else 0


def _change(cursor: Cursor[Any], table: Table, statement: Composed, about: dict[str, Any]) -> int:
    """Change stored rows; return how many.

    Where chunks can be compressed it is planned each time: a plan for any times would unpack every
    one of them.
    """
    in_chunks = table.partition is not None and table.journal is None
    return cursor.execute(statement, about, prepare=False if in_chunks else None).rowcount


@cache
def _statements(table: Table, staged: str) -> dict[str, Composed]:
    """Return each statement by its name, made once a table."""
    parts = {**_parts(table), "staged": Identifier(staged)}
    parts["gone"] = GONE.format(**parts)
    forms = {
        "journal": JOURNAL,
        "late": LATE,
        "insert": INSERT,
        "update": UPDATE,
        "differs": DIFFERS,
        "any_gone": ANY_GONE,
        "count_gone": COUNT_GONE,
        Vanished.DELETE.name: DELETE,
        Vanished.MARK.name: MARK,
    }
    return {name: form.format(**parts) for name, form in forms.items()}


def _parts(table: Table) -> dict[str, Composable]:
    rest = [name for name in table.columns if name not in table.key]
    values = [name for name in rest if name not in table.stamps]
    return {
        "table": Identifier(table.name),
        "journal": Identifier(table.journal or table.name),
        "time": Identifier(table.time),
        "columns": _listed(table.columns),
        "fresh_columns": _listed(table.columns, "fresh"),
        "key": _listed(table.key),
        "stored_key": _listed(table.key, "stored"),
        "older_of_fresh": _key_equal(table, "older", "fresh"),
        "older_of_late": _key_equal(table, "older", "late"),
        "fresh_key": _listed(table.key, "fresh"),
        "journal_key": _listed((*table.key, table.time)),
        "rest": _listed(rest),
        "fresh_rest": _listed(rest, "fresh"),
        "values": _listed(values),
        "fresh_values": _listed(values, "fresh"),
        "stored_values": _listed(values, "stored"),
        "excluded_values": _listed(values, "excluded"),
        "no_stored": SQL("{} IS NULL").format(Identifier("stored", table.key[0])),
        "same_key": SQL(" AND ").join(
            [_key_equal(table, "stored", "fresh"), *_within_batch(table)]
        ),
        "scope": _scope(table),
        "forward": _forward(table),
        "other": _other(table),
    }


def _key_equal(table: Table, one: str, other: str) -> Composable:
    equal = SQL("{} = {}")
    return SQL(" AND ").join(
        equal.format(Identifier(one, name), Identifier(other, name)) for name in table.key
    )


def _within_batch(table: Table) -> list[Composable]:
    """Bound a join by the times of the batch, so that it looks at their partitions only."""
    if table.time not in table.key:
        return []
    return [SQL("{} BETWEEN %(low)s AND %(high)s").format(Identifier("stored", table.time))]


def _scope(table: Table) -> Composable:
    """Return what a whole answer is all of: its tick, or every row that is not yet marked."""
    if table.vanished is Vanished.MARK:
        return SQL("stored.removed_at IS NULL")
    return SQL("{} = %(tick)s").format(Identifier("stored", table.time))


def _other(table: Table) -> Composable:
    """Tell a row that differs; one that a clock that was ahead has stored is another one, too."""
    values = [name for name in table.columns if name not in table.key and name not in table.stamps]
    differs = SQL("ROW ({}) IS DISTINCT FROM ROW ({})").format(
        _listed(values, "stored"), _listed(values, "fresh")
    )
    if table.journal is None:
        return differs
    ahead = SQL("{} > %(newest)s").format(Identifier("stored", table.time))
    return SQL("({} OR {})").format(differs, ahead)


def _forward(table: Table) -> Composable:
    """Let a table that mirrors its newest journal row never move backwards."""
    if table.journal is None:
        return SQL("true")
    stored, fresh = Identifier("stored", table.time), Identifier("fresh", table.time)
    return SQL("({} <= {} OR {} > %(newest)s)").format(stored, fresh, stored)


def _listed(names: Iterable[str], prefix: str | None = None) -> Composed:
    return SQL(", ").join(Identifier(prefix, n) if prefix else Identifier(n) for n in names)
