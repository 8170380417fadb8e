"""Real TimescaleDBs: as WebAssembly in Node, with one session for all, and servers that are named.

``GEPT_TEST_TIMESCALE_URL`` names databases of servers, apart by blanks. They are EMPTIED.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
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
WASM = "wasm"


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
    return clean(str(request.param))


@pytest.fixture
def empty(engine: str) -> str:
    """Give the address of an emptied database, with the extension."""
    return emptied(engine)


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
