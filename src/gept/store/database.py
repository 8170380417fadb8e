"""Connections to PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, Self

import psycopg
from psycopg import conninfo, sql
from psycopg.abc import PQGen
from psycopg_pool import ConnectionPool, PoolTimeout

from ..errors import SettingsError
from ..settings import Newest, Settings
from .embedded import Server
from .faults import translated

WAIT_FOR_CONNECTION = 8.0
PATIENCE = 70.0
"""Seconds without an answer after which a connection is given up: more than a statement may take.

What the server limits it cannot limit when it hangs, or when the way to it swallows what is sent.
"""
LIMITS = {
    "timezone": "UTC",
    "client_min_messages": "warning",
    "statement_timeout": "60s",
    "lock_timeout": "20s",
    "idle_in_transaction_session_timeout": "60s",
    "jit": "off",
}
"""Of each session. To compile a query costs a second, and ours take milliseconds."""
SESSION = sql.SQL("; ").join(
    sql.SQL("SET {} = {}").format(sql.Identifier(name), sql.Literal(value))
    for name, value in LIMITS.items()
)
LOCAL = sql.SQL("; ").join(
    sql.SQL("SET LOCAL {} = {}").format(sql.Identifier(name), sql.Literal(value))
    for name, value in LIMITS.items()
)
KEEPALIVES = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


UNREADABLE = (
    "DATABASE_URL: its value (not shown) cannot be read; write what is special in a user or a "
    "password as %XX, and check the parameters"
)


def address(settings: Settings, server: Server | None) -> str:
    """Return the connection string of the database."""
    try:
        if server is not None:
            return server.url(settings.db_name)
        if settings.database_url is not None:
            return conninfo.make_conninfo(settings.database_url)
        root = settings.db_sslrootcert
        return conninfo.make_conninfo(
            host=settings.db_host,
            port=settings.db_port,
            dbname=settings.db_name,
            user=settings.db_user,
            password=settings.db_pass,
            sslmode=settings.db_sslmode,
            sslrootcert=None if root is None else str(root),
        )
    except psycopg.ProgrammingError:
        raise SettingsError([UNREADABLE]) from None


def renewing(settings: Settings, server: Server | None) -> Callable[[], str]:
    """Return what gives the connection string with the secrets that their files hold now.

    What libpq cannot read is as good as half written: then it is the last one that it can.
    """
    newest, good = Newest(settings), settings

    def where() -> str:
        nonlocal good
        with suppress(SettingsError):
            address(found := newest(), server)
            good = found
        return address(good, server)

    return where


def without_password(address: str) -> tuple[str, str | None]:
    """Return a connection string without its password, and the password."""
    parts: dict[str, Any] = conninfo.conninfo_to_dict(address)
    password = parts.pop("password", None)
    return conninfo.make_conninfo(**parts), password


class Database:
    """A pool of connections that gives out transactions and tells errors by what to do.

    ``address`` may be what gives the connection string anew for each connection.
    """

    def __init__(
        self, address: str | Callable[[], str], size: int = 8, *, pooled: bool = False
    ) -> None:
        self.address = address
        self.size = size
        self._pooled = pooled
        self._refused: list[str] = []
        self._pool = ConnectionPool(
            address,
            min_size=1,
            max_size=size,
            open=False,
            timeout=WAIT_FOR_CONNECTION,
            max_idle=300,
            num_workers=1,
            reconnect_timeout=30,
            connection_class=_telling(self._refused),
            configure=None if pooled else _configure,
            check=ConnectionPool.check_connection,
            kwargs={
                "application_name": "gept",
                "connect_timeout": 5,
                "prepare_threshold": None if pooled else 5,
                **KEEPALIVES,
            },
        )

    def open(self) -> None:
        """Begin to connect; a database that is away is not waited for."""
        self._pool.open()

    def close(self) -> None:
        """Close every connection."""
        self._pool.close(timeout=2)

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Cursor[Any]]:
        """Give a cursor in a transaction of its own: committed at the end, or rolled back whole.

        Raises StoreAway for what passes by itself, StoreBroken for what does not.
        """
        try:
            with self._pool.connection() as connection, connection.cursor() as cursor:
                if self._pooled:
                    cursor.execute(LOCAL)
                yield cursor
                connection.commit()  # the driver itself passes over a connection that has broken
        except (psycopg.Error, PoolTimeout) as error:
            raise translated(error, *self._refused) from error


def is_there(address: str, name: str) -> bool:
    """Tell whether the server of an address has a database of a name."""
    try:
        with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
            return _has(connection, name)
    except psycopg.Error as error:
        raise translated(error) from error


def _has(connection: psycopg.Connection[Any], name: str) -> bool:
    found = connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,))
    return found.fetchone() is not None


def create(address: str, name: str) -> None:
    """Create a database on the server of an address, unless it is there."""
    try:
        with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
            if not _has(connection, name):
                statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
                with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                    connection.execute(statement)
    except psycopg.Error as error:
        raise translated(error) from error


def give_login(address: str, role: str, password: str) -> None:
    """Let a role log in with a password, and read and write all tables; make it if need be."""
    statement = "ALTER ROLE {} LOGIN PASSWORD {}"
    try:
        with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
            there = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,))
            name = sql.Identifier(role)
            if there.fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {}").format(name))
                rights = sql.SQL("GRANT pg_read_all_data, pg_write_all_data TO {}")
                connection.execute(rights.format(name))
            connection.execute(sql.SQL(statement).format(name, sql.Literal(password)))
    except psycopg.Error as error:
        raise translated(error) from error


class Impatient(psycopg.Connection[Any]):
    """A connection that breaks when no answer comes; the driver would wait for ever."""

    patience = PATIENCE

    def wait(self, gen: PQGen[Any], *others: Any, **named: Any) -> Any:
        """Wait for the end of an exchange with the server, as long as patience lasts.

        Of a server that dies during COPY the driver may say that it was used in a wrong way.
        """
        try:
            return super().wait(self._bounded(gen, monotonic() + self.patience), *others, **named)
        except (ValueError, psycopg.ProgrammingError, psycopg.InternalError) as error:
            if self.closed and getattr(error, "sqlstate", None) is None:
                raise psycopg.OperationalError("the server has closed the connection") from error
            raise

    def _bounded(self, exchange: PQGen[Any], end: float) -> PQGen[Any]:
        try:
            wanted = next(exchange)
            while (ready := (yield wanted)) or monotonic() < end:
                wanted = exchange.send(ready)
        except StopIteration as done:
            return done.value
        self.close()
        raise psycopg.OperationalError(f"the server has not answered for {self.patience:g} s")


def _telling(refused: list[str]) -> type[Impatient]:
    """Return connections that leave behind why the last one could not be made, if it could not.

    The pool itself only says that there is none.
    """

    class Telling(Impatient):
        @classmethod
        def connect(cls, *address: Any, **about: Any) -> Self:
            try:
                made = super().connect(*address, **about)
            except psycopg.Error as error:
                refused[:] = [" ".join(str(error).split())]
                raise
            refused.clear()
            return made

    return Telling


def _configure(connection: psycopg.Connection[Any]) -> None:
    connection.execute(SESSION)
    connection.commit()
