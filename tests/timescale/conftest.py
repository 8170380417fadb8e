"""Real TimescaleDBs: as WebAssembly in Node, with one session for all, and servers that are named.

``GEPT_TEST_TIMESCALE_URL`` names databases of servers, apart by blanks, and
``GEPT_TEST_APACHE_URL`` those of servers of the Apache edition. They are EMPTIED.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from gept.collectors import load_all
from gept.model import Table
from gept.store import Database, Store
from gept.store.schema.migrate import migrate

HERE = Path(__file__).parent
EMPTY = r"""
    DO $$ DECLARE each text; BEGIN
        FOR each IN SELECT format('DROP TABLE IF EXISTS %s CASCADE', c.oid::regclass) FROM pg_class c
            WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
        LOOP EXECUTE each; END LOOP;
        FOR each IN SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', p.oid::regprocedure) FROM pg_proc p
            WHERE pronamespace = 'public'::regnamespace AND NOT EXISTS (
                SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
        LOOP CONTINUE WHEN each ~ ' \d+ CASCADE'; EXECUTE each; END LOOP;
    END $$
"""


SERVERS = os.environ.get("GEPT_TEST_TIMESCALE_URL", "").split()
APACHE = os.environ.get("GEPT_TEST_APACHE_URL", "").split()
WASM = "wasm"
HISTORY = "SELECT to_regclass('_timescaledb_internal.bgw_job_stat_history') IS NOT NULL"
WORKERS = """
    SELECT format('SELECT %%s', oid::regprocedure) AS call FROM pg_proc
    WHERE proname = %s AND pronamespace::regnamespace::text ~ '^_timescaledb_' ORDER BY 1 LIMIT 1
"""
FAILURE = """
    INSERT INTO _timescaledb_internal.bgw_job_stat_history
        (job_id, pid, execution_start, execution_finish, succeeded, data)
    VALUES (%s, 1, now() - interval '1 hour', now(), false, '{"error_data": {"sqlerrcode": "53100", "message": "disk full"}}')
"""
FAILURE_BEFORE_2_15 = """
    INSERT INTO _timescaledb_internal.job_errors (job_id, pid, start_time, finish_time, error_data)
    VALUES (%s, 1, now() - interval '1 hour', now(), '{"sqlerrcode": "53100", "message": "disk full"}')
"""


@pytest.fixture(scope="session")
def wasm() -> Iterator[str]:
    """Run the engine for the session; give its address."""
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules").is_dir():
        pytest.skip("needs Node 20 or newer, and `npm ci` in tests/timescale")
    process = subprocess.Popen(
        [node, HERE / "server.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    port = process.stdout.readline().strip()
    assert port, "the engine has not started; its error is above"
    try:
        yield f"postgresql://gept:x@127.0.0.1:{port}/gept?sslmode=disable"
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


@pytest.fixture(params=[WASM, *SERVERS], ids=lambda named: named.rpartition("/")[2])
def engine(request: pytest.FixtureRequest) -> str:
    """Give the address of each engine in turn."""
    return str(request.getfixturevalue(WASM) if request.param == WASM else request.param)


@pytest.fixture(params=SERVERS or [""], ids=lambda named: named.rpartition("/")[2])
def server(request: pytest.FixtureRequest) -> str:
    """Give a server with sessions, locks and a scheduler of its own; its database is empty."""
    if not request.param:
        pytest.skip("needs a TimescaleDB server: GEPT_TEST_TIMESCALE_URL names a database to EMPTY")
    scheduler(address := clean(str(request.param)), "start_background_workers")
    return address


@pytest.fixture(params=APACHE or [""], ids=lambda named: named.rpartition("/")[2])
def apache(request: pytest.FixtureRequest) -> str:
    """Give a server of the Apache edition; its database is empty."""
    if not request.param:
        pytest.skip("needs a server of the Apache edition: GEPT_TEST_APACHE_URL names a database")
    return clean(str(request.param))


@pytest.fixture
def sessions(engine: str) -> None:
    """Skip where all connections share one session, in which nothing can be prepared."""
    if engine not in SERVERS:
        pytest.skip("needs a TimescaleDB server: GEPT_TEST_TIMESCALE_URL names a database to EMPTY")


@pytest.fixture
def empty(engine: str) -> str:
    """Give the address of an emptied database, with the extension, whose policies do not run."""
    emptied(engine)
    if engine in SERVERS:
        scheduler(engine, "stop_background_workers")
    return engine


@pytest.fixture
def address(empty: str) -> str:
    """Give the address of a database, emptied and migrated, with the extension."""
    migrate(empty)
    return empty


def clean(address: str) -> str:
    """Empty a database, and migrate it."""
    migrate(emptied(address))
    return address


def emptied(address: str) -> str:
    """Empty a database, and give it the extension."""
    with psycopg.connect(address, autocommit=True, prepare_threshold=None) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
        connection.execute("DISCARD TEMP")  # one session for all, whose owner may be another role
        connection.execute("DROP SCHEMA IF EXISTS legacy, converting, converted CASCADE")
        connection.execute(EMPTY)
    return address


@pytest.fixture
def stop() -> Callable[[str], None]:
    """Give what lets the policies of a server's database run no more."""
    return lambda address: scheduler(address, "stop_background_workers")


def scheduler(address: str, procedure: str) -> None:
    """Stop or start what runs the policies of a database: else its first run may come between."""
    with psycopg.connect(address, autocommit=True) as connection:
        for (call,) in connection.execute(WORKERS, (procedure,)).fetchall():
            connection.execute(call)


@pytest.fixture
def database(address: str) -> Iterator[Database]:
    """Give an open database of one connection, which prepares nothing: the session is shared."""
    database = Database(address, size=1, pooled=True)
    database.open()
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> Store:
    """Give a store."""
    return Store(database)


@pytest.fixture
def tables() -> dict[str, Table]:
    """Give the big tables by the names of their collectors."""
    return {name: each.table for name, each in load_all().items() if each.table.partition}


@pytest.fixture
def fail() -> Callable[[str, int], None]:
    """Give what enters a run of a job, begun an hour ago, that failed since the disk was full."""

    def enter(address: str, job: int) -> None:
        with psycopg.connect(address, autocommit=True, prepare_threshold=None) as connection:
            [(new,)] = connection.execute(HISTORY).fetchall()
            connection.execute(FAILURE if new else FAILURE_BEFORE_2_15, (job,))

    return enter
