"""What a database says of its server, for whoever examines it. Nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import class_row

from .faults import translated
from .queries import named

SETTINGS = (
    *("fsync", "full_page_writes", "synchronous_commit", "autovacuum"),
    *("max_connections", "superuser_reserved_connections", "shared_buffers"),
    *("idle_session_timeout", "transaction_timeout"),
)


@dataclass(frozen=True, slots=True)
class Survey:
    """A server as a role sees it; ``not_written`` are the tables that it may not wholly write.

    ``data_directory`` is told to few roles. ``settings`` are in the words of the server.
    """

    version: int
    clock: datetime
    role: str
    superuser: bool
    makes_tables: bool
    encrypted: bool
    connections: int
    data_directory: str | None
    not_written: Sequence[str]
    settings: Mapping[str, str]


def survey(address: str) -> Survey:
    """Return what a server says of itself. Raises StoreAway or StoreBroken."""
    try:
        with psycopg.connect(
            address, autocommit=True, connect_timeout=5, prepare_threshold=None
        ) as connection:
            connection.read_only = True
            with connection.cursor(row_factory=class_row(Survey)) as cursor:
                [found] = cursor.execute(named("survey"), {"names": list(SETTINGS)}).fetchall()
            return found
    except psycopg.Error as error:
        raise translated(error) from error


def reach(address: str, tables: Sequence[str]) -> dict[str, datetime | None]:
    """Return up to when the partitions of natively partitioned tables go; None without any."""
    try:
        with psycopg.connect(
            address, autocommit=True, connect_timeout=5, prepare_threshold=None
        ) as connection:
            return dict(connection.execute(named("reach"), {"names": list(tables)}).fetchall())
    except psycopg.Error as error:
        raise translated(error) from error


def host_of(address: str) -> str | None:
    """Return the host that an address names; None for one of this machine."""
    host = conninfo_to_dict(address).get("host")
    local = host is None or str(host).startswith(("/", "@")) or host in {"localhost", "::1"}
    return None if local or str(host).startswith("127.") else str(host)
