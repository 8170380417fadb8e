"""Compresses what is old enough at once, without waiting for TimescaleDB's policy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import psycopg

from ...errors import UsageError
from ..faults import translated
from ..queries import named
from .timescale import Mode, look

COMPRESS = "SELECT compress_chunk(%s::regclass, if_not_compressed => TRUE)"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a hypertable."""

    table: str
    name: str


def compress(address: str, before: datetime, *, dry: bool = False) -> Iterator[Chunk]:
    """Compress what ends before a moment, and yield each chunk once it is done.

    Each has a transaction of its own, so that what is done stays done. Raises UsageError where the
    server cannot compress, StoreAway or StoreBroken.
    """
    try:
        with psycopg.connect(
            address, autocommit=True, connect_timeout=5, prepare_threshold=None
        ) as connection:
            with connection.cursor() as cursor:
                extension = look(cursor)
            if extension.mode is not Mode.TIMESCALE:
                raise UsageError(f"nothing can be compressed here: {extension.why}")
            found = connection.execute(named("open_chunks"), {"before": before}).fetchall()
            for chunk in (Chunk(*each) for each in found):
                if not dry:
                    connection.execute(COMPRESS, (chunk.name,))
                yield chunk
    except psycopg.Error as error:
        raise translated(error) from error
