"""A connection for long work: each step is a transaction of its own, and errors are ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection

from .database import KEEPALIVES, LOCAL, translated

WATCHED: dict[str, Any] = {**KEEPALIVES}


@contextmanager
def session(address: str) -> Iterator[Connection[Any]]:
    """Give a connection. Raises StoreAway, StoreRefused or StoreBroken."""
    try:
        with psycopg.connect(
            address,
            autocommit=True,
            connect_timeout=5,
            prepare_threshold=None,
            application_name="gept db",
            **WATCHED,
        ) as connection:
            yield connection
    except psycopg.Error as error:
        raise translated(error) from error


@contextmanager
def step(connection: Connection[Any]) -> Iterator[psycopg.Cursor[Any]]:
    """Give a cursor in a transaction, under the limits that each of gept's has."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(LOCAL)
        yield cursor
