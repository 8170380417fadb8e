"""Pieces of a table: each makes the new table the same as the old one between two times.

Whatever is there already makes no difference, so that a piece may be done any number of times. A
piece reads one state of the database: what is committed after it has left a note of its own.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

from psycopg import Cursor
from psycopg.sql import SQL, Composable, Identifier

from ...errors import StoreBroken
from ...schedule import Every
from ..layouts import timescale
from .place import Place
from .progress import Progress, copied

MOST = 100_000
"""Rows in a piece: a few seconds, also on a small server."""
INSTANT = timedelta(microseconds=1)
ONE_STATE = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
COLUMNS = """
    SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute
    WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""
OLDEST = SQL("SELECT min({time}) FROM {old} WHERE {time} >= %s")
ROW_AFTER = SQL("""
    SELECT {time} FROM {old} WHERE {time} >= %s AND {time} < %s ORDER BY {time} OFFSET %s LIMIT 1
""")
CLEAR = SQL("DELETE FROM {new} WHERE {time} >= %s AND {time} < %s")
FILL = SQL("""
    INSERT INTO {new} ({columns}) SELECT {columns} FROM {old} WHERE {time} >= %s AND {time} < %s
""")
DIFFERENT = SQL("""
    SELECT count(*)
    FROM (SELECT {columns} FROM {old} WHERE {time} >= %(low)s AND {time} < %(high)s) AS was
    FULL JOIN (SELECT {columns} FROM {new} WHERE {time} >= %(low)s AND {time} < %(high)s) AS became
        USING ({key})
    WHERE was IS DISTINCT FROM became
""")
COPIED_LATER = "DELETE FROM converting.changes WHERE name = %s AND low >= %s"
NEWEST_NOTE = "SELECT max(id) FROM converting.changes WHERE name = %s"
WRITTEN = "SELECT min(low) FROM converting.changes WHERE name = %s AND id <= %s"
WRITTEN_UNTIL = "SELECT max(high) FROM converting.changes WHERE name = %s AND low < %s"
SETTLED = """
    DELETE FROM converting.changes WHERE name = %(name)s AND low >= %(low)s AND high < %(high)s
"""
CUT = """
    UPDATE converting.changes SET low = %(high)s
    WHERE name = %(name)s AND low >= %(low)s AND low < %(high)s
"""


def newest_note(cursor: Cursor[Any], place: Place) -> int | None:
    """Return the newest note of what was written, None where there is none."""
    [(newest,)] = cursor.execute(NEWEST_NOTE, (place.name,)).fetchall()
    return cast("int | None", newest)


def rewrite(cursor: Cursor[Any], place: Place, now: Progress, newest: int | None) -> bool:
    """Copy anew what was written to what is copied already; tell whether there was any.

    Notes newer than ``newest`` begin no piece, so that it ends however fast others write.
    """
    cursor.execute(COPIED_LATER, (place.name, now.position))
    [(low,)] = cursor.execute(WRITTEN, (place.name, newest)).fetchall()
    if low is None:
        return False
    end = _end(cursor, place, low, datetime.max.replace(tzinfo=UTC))
    [(last,)] = cursor.execute(WRITTEN_UNTIL, (place.name, end)).fetchall()
    high = min(end, last + INSTANT)
    _copy(cursor, place, low, high)
    about = {"name": place.name, "low": low, "high": high}
    cursor.execute(SETTLED, about)
    cursor.execute(CUT, about)
    return True


def advance(cursor: Cursor[Any], place: Place, now: Progress) -> datetime | None:
    """Copy the next piece; return up to when all is copied, or None where nothing is left."""
    names = {"time": Identifier(place.table.time), "old": place.old}
    [(low,)] = cursor.execute(OLDEST.format(**names), (now.position,)).fetchall()
    if low is None:
        return None
    high = _end(cursor, place, low, datetime.max.replace(tzinfo=UTC))
    copied(cursor, place.name, high, _copy(cursor, place, low, high))
    return high


def border(place: Place, moment: datetime) -> bool:
    """Tell whether a chunk ends at a moment."""
    return Every(_width(place)).floor(moment) == moment


def _width(place: Place) -> timedelta:
    return cast("timedelta", place.table.partition)


def _end(cursor: Cursor[Any], place: Place, low: datetime, until: datetime) -> datetime:
    """Return where a piece ends that begins at ``low``: in a chunk, and before too many rows."""
    high = min(Every(_width(place)).floor(low) + _width(place), until)
    names = {"time": Identifier(place.table.time), "old": place.old}
    row = cursor.execute(ROW_AFTER.format(**names), (low, high, MOST)).fetchone()
    return high if row is None else max(row[0], low + INSTANT)


def _copy(cursor: Cursor[Any], place: Place, low: datetime, high: datetime) -> int:
    """Make the new table what the old one is from ``low`` to before ``high``; return the rows."""
    chunks = timescale.compressed(cursor, place.name, low, high - INSTANT)
    timescale.decompress(cursor, chunks)
    names = _names(cursor, place)
    cursor.execute(CLEAR.format(**names), (low, high))
    rows = cursor.execute(FILL.format(**names), (low, high)).rowcount
    different = cursor.execute(DIFFERENT.format(**names), {"low": low, "high": high}).fetchone()
    if different != (0,):
        raise StoreBroken(
            f"{place.name}: {different and different[0]} rows from {_utc(low)} to {_utc(high)} "
            "are not the same in the hypertable; nothing of these was kept, and the table is as "
            "it was"
        )
    return rows


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def _names(cursor: Cursor[Any], place: Place) -> dict[str, Composable]:
    [(columns,)] = cursor.execute(COLUMNS, (place.old.as_string(cursor),)).fetchall()
    return {
        "old": place.old,
        "new": place.new,
        "time": Identifier(place.table.time),
        "columns": SQL(", ").join(map(Identifier, columns)),
        "key": SQL(", ").join(map(Identifier, place.key)),
    }
