"""Connections to PostgreSQL, and what its errors mean for us."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, Self

import psycopg
from psycopg import conninfo, sql
from psycopg.abc import PQGen
from psycopg_pool import ConnectionPool, PoolTimeout

from ..errors import SettingsError, StoreAway, StoreBroken, StoreError, StoreRefused
from ..settings import Settings, renewed
from .embedded import Server

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
UNFIT = ("22", "23")
"""Classes of SQLSTATE that the rows are to blame for: their values, or a constraint."""
TEMPORARY = ("08", "25", "40", "53", "55", "57", "58", "XX")
"""Classes of SQLSTATE that pass: connection, read-only, deadlock, room, lock, shutdown, I/O."""


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

    What libpq cannot read is as good as half written: then it is the one that was read first.
    """

    def newest() -> str:
        with suppress(SettingsError):
            return address(renewed(settings), server)
        return address(settings, server)

    return newest


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


REMEDIES = {
    "28P01": "set DB_USER and DB_PASS to those of a role that may log in",
    "28000": "set DB_USER to a role that may log in, or let `gept db roles` give it a password",
    "3D000": "create the database, or set DB_NAME to one that is there",
    "42501": "run it as the owner, or let `gept db roles` grant what the role lacks",
    "42883": "let the owner run `gept db migrate`, and an administrator `gept db roles`",
    "26000": "set DB_POOLER=transaction if a pooler is in front of the database",
    "42P05": "set DB_POOLER=transaction if a pooler is in front of the database",
    "42P01": "run `gept db migrate`; where that changes nothing, a table was renamed or dropped",
    "42703": "run `gept db migrate`; where that changes nothing, a column was renamed or dropped",
}
LIMITED = "53400"
RAISE = (
    "raise the limit that it names (timescaledb.max_tuples_decompressed_per_dml_transaction, "
    "temp_file_limit): ALTER DATABASE … SET …; the tick is tried again by itself"
)
STALE_PLAN = "cached plan must not change result type"
"""What the server says once in a session after somebody has changed a column's type."""

TRUST = "set DB_SSLROOTCERT to the certificate of who signed that of the server"
SIGNS = {
    "password authentication failed": REMEDIES["28P01"],
    "no password supplied": REMEDIES["28P01"],
    "is not permitted to log in": REMEDIES["28000"],
    "certificate verify failed": TRUST,
    "root certificate file": TRUST,
    "could not read root certificate": TRUST,
    "does not match host name": "set DB_HOST to a name that the certificate of the server has",
    "server does not support SSL": "switch TLS on at the server; only then does DB_SSLMODE hold",
    "no encryption": "set DB_SSLMODE=verify-full: the server takes encrypted connections only",
    '" does not exist': REMEDIES["3D000"],
}
"""What libpq says when it cannot connect: it gives no SQLSTATE then."""


def translated(error: Exception, *refused: str) -> StoreError:
    """Return what an error of the driver means; ``refused`` is why it could not connect last."""
    said = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, PoolTimeout):
        said = ": ".join([said, *refused])
        remedy = next((what for sign, what in SIGNS.items() if sign in said), "")
        return StoreAway(f"the database cannot be reached: {said}{remedy and f'; {remedy}'}")
    state = getattr(error, "sqlstate", None)
    if state is None and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        remedy = next((what for sign, what in SIGNS.items() if sign in said), "")
        return StoreAway(f"the connection to the database broke: {said}{remedy and f'; {remedy}'}")
    if state == LIMITED:
        return StoreRefused(f"a limit of the database is too low ({state}): {said}; {RAISE}", state)
    if state is not None and (state.startswith(TEMPORARY) or STALE_PLAN in said):
        return StoreAway(f"the database refuses for now ({state}): {said}")
    if state is not None and state.startswith(UNFIT):
        return StoreRefused(f"the rows do not fit the tables ({state}): {said}", state)
    remedy = REMEDIES.get(state or "", "")
    return StoreBroken(f"the database refuses ({state}): {said}{remedy and f'; {remedy}'}")


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
            if self.closed:
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
