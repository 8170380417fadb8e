"""Compresses what is old enough at once, without waiting for TimescaleDB's policy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg import Connection
from psycopg.rows import class_row
from psycopg.sql import SQL

from ...errors import UsageError
from ..faults import translated
from ..queries import named
from .timescale import Extension, Mode, look

COMPRESS = "SELECT compress_chunk(%s::regclass, if_not_compressed => TRUE)"
RECOMPRESS = "CALL recompress_chunk(%s::regclass, if_not_compressed => TRUE)"
TAKES_LATE_ROWS = (2, 15)
"""From which version on compress_chunk takes in what came to a compressed chunk later."""
HAS_LATE_ROWS = SQL("SELECT EXISTS (SELECT FROM ONLY {chunk})")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a hypertable."""

    table: str
    name: str
    compressed: bool


def compress(address: str, before: datetime, *, dry: bool = False) -> Iterator[Chunk]:
    """Compress what ends before a moment, and yield each chunk once it is done.

    Rows that came to a compressed chunk later are taken in, too. Each chunk has a transaction of
    its own, so that what is done stays done. Raises UsageError where the server cannot compress,
    StoreAway or StoreBroken.
    """
    try:
        with psycopg.connect(
            address, autocommit=True, connect_timeout=5, prepare_threshold=None
        ) as connection:
            extension = _able(connection)
            for chunk in _open(connection, before):
                if not dry:
                    connection.execute(_statement(extension, chunk), (chunk.name,))
                yield chunk
    except psycopg.Error as error:
        raise translated(error) from error


def _able(connection: Connection[Any]) -> Extension:
    with connection.cursor() as cursor:
        extension = look(cursor)
    if extension.mode is not Mode.TIMESCALE:
        raise UsageError(f"nothing can be compressed here: {extension.why}")
    return extension


def _open(connection: Connection[Any], before: datetime) -> list[Chunk]:
    """Return the chunks that end before a moment and have rows that are not compressed."""
    with connection.cursor(row_factory=class_row(Chunk)) as cursor:
        found = cursor.execute(named("old_chunks"), {"before": before}).fetchall()
    return [each for each in found if not each.compressed or _has_late_rows(connection, each)]


def _has_late_rows(connection: Connection[Any], chunk: Chunk) -> bool:
    """Tell whether rows came to a compressed chunk later: only these are in its own table."""
    asked = HAS_LATE_ROWS.format(chunk=SQL(chunk.name))
    return connection.execute(asked).fetchone() == (True,)


def _statement(extension: Extension, chunk: Chunk) -> LiteralString:
    if chunk.compressed and (extension.version or ()) < TAKES_LATE_ROWS:
        return RECOMPRESS
    return COMPRESS
