"""Which of several processes leads a collector: one advisory lock each.

The locks live as long as their connection, so a process that dies or is cut off loses them, and
the server gives them to the next that asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Lock
from time import monotonic
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.sql import SQL

from .database import KEEPALIVES, Impatient

RETRY = 5.0
WAIT = 1.0
PROMPT: dict[str, Any] = {
    **KEEPALIVES,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "tcp_user_timeout": 8_000,
}
SESSION = """
    SET LOCAL statement_timeout = '5s';
    SET LOCAL idle_in_transaction_session_timeout = 0;
    SET LOCAL tcp_keepalives_idle = 10;
    SET LOCAL tcp_keepalives_interval = 3;
    SET LOCAL tcp_keepalives_count = 3
"""
TAKE = SQL("SELECT pg_try_advisory_xact_lock(hashtext('gept lead'), hashtext({}))")
"""Held by a transaction that does nothing else: so it works through a pooler of transactions, too.
Such a transaction keeps no dead row alive, if its statements have no parameters: the server would
keep the snapshot of one that has."""


class _Prompt(Impatient):
    """A connection that the live ticks wait for, so not for long."""

    patience = 6.0


NAME = "gept lead {}"
"""The sessions of leads tell which process they are of, as the table of processes names it."""


class Lead:
    """The collectors that this process leads.

    While the database is away it still leads what it led last, and takes nothing on; ``led`` is
    what that was before it began. ``note`` hears of each answer of the database. ``address`` may be
    what gives the connection string anew for each connection.
    """

    def __init__(
        self,
        address: str | Callable[[], str],
        led: Iterable[str] = (),
        note: Callable[[str, bool], None] = lambda collector, leads: None,
    ) -> None:
        self.process = uuid4()
        self._address = address
        self._lock = Lock()
        self._connection: psycopg.Connection[Any] | None = None
        self._locked: set[str] = set()
        self._led = frozenset(led)
        self._note = note
        self._retry_at = 0.0

    def leads(self, collector: str) -> bool:
        """Tell whether this process leads a collector; take the lead if it is free."""
        if self._lock.acquire(timeout=WAIT):
            try:
                self._ask(collector)
            finally:
                self._lock.release()
        return collector in self._led

    @property
    def led(self) -> frozenset[str]:
        """The collectors that it leads, as it knows."""
        return self._led

    def close(self) -> None:
        """Give up every lead; the locks are free when this returns, if the database answers."""
        self._led = frozenset()
        free = self._lock.acquire(timeout=WAIT)
        if free:
            with suppress(psycopg.Error):
                if self._connection is not None:
                    self._connection.rollback()
        self._disconnect()
        if free:
            self._lock.release()

    def _ask(self, collector: str) -> None:
        """Bring what we know of a collector up to date, if the database answers."""
        if monotonic() < self._retry_at:
            return
        try:
            leads = self._take(self._connected(), collector)
        except psycopg.Error:
            self._disconnect()
            self._retry_at = monotonic() + RETRY
            return
        self._led = self._led | {collector} if leads else self._led - {collector}
        self._note(collector, leads)

    def _take(self, connection: psycopg.Connection[Any], collector: str) -> bool:
        if collector in self._locked:
            connection.execute("SELECT 1")
            return True
        found = connection.execute(TAKE.format(collector)).fetchone()
        if taken := bool(found and found[0]):
            self._locked.add(collector)
        return taken

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            made = _Prompt.connect(
                self._address if isinstance(self._address, str) else self._address(),
                application_name=NAME.format(self.process),
                connect_timeout=5,
                prepare_threshold=None,
                **PROMPT,
            )
            made.execute(SESSION)
            self._connection = made
        return self._connection

    def _disconnect(self) -> None:
        """Let go of the connection, and with it of every lock."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
        self._connection = None
        self._locked.clear()
