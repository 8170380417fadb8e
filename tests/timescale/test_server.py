"""What only a server of its own shows: its scheduler, and several sessions at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier, Event
from typing import Any

import psycopg
import pytest

from gept.model import Counts, Table
from gept.store import Database
from gept.store.layouts.retention import retention
from gept.store.layouts.state import state
from gept.store.layouts.timescale import Mode, lay_out, look
from gept.store.schema.roles import Roles, declare
from gept.store.writer import Batch, Writer

TICK = datetime(2026, 10, 1, 12, tzinfo=UTC)
SECONDS = 60.0
FILL = """
    INSERT INTO price_data_5min SELECT item, %s::timestamptz + step * interval '5 min', 5, 1, 5, 1
    FROM generate_series(0, 599) item, generate_series(0, 199) step
"""
SOON = """
    SELECT alter_job(job_id, next_start => now()) FROM timescaledb_information.jobs
    WHERE proc_name = 'policy_compression'
"""
POLICIES = """
    SELECT job_id FROM timescaledb_information.jobs WHERE proc_name = 'policy_compression'
"""
BROKEN = """
    SELECT err_message FROM timescaledb_information.job_errors
    WHERE err_message LIKE 'cannot drop portal%' LIMIT 1
"""
SUCCESSES = """
    SELECT count(*) FROM timescaledb_information.job_stats
    WHERE last_run_status = 'Success' AND hypertable_name IS NOT NULL
"""
CLOSED = "SELECT bool_and(is_compressed) FROM timescaledb_information.chunks"


@pytest.fixture
def connection(server: str, tables: dict[str, Table]) -> Iterator[psycopg.Connection[Any]]:
    lay_out(server, tables.values(), timedelta(days=14))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(FILL, (TICK,))
        yield connection


@pytest.fixture
def declared(
    server: str, connection: psycopg.Connection[Any], stop: Callable[[str], None]
) -> Iterator[None]:
    """Make the roles; take them away after the test, and what they took from everybody."""
    declare(server, Roles(), {})
    yield
    stop(server)
    for name in Roles().names:
        connection.execute(f"REASSIGN OWNED BY {name} TO CURRENT_USER")
        connection.execute(f"DROP OWNED BY {name}")
        connection.execute(f"DROP ROLE {name}")
    database = connection.info.dbname
    connection.execute(f'GRANT TEMPORARY ON DATABASE "{database}" TO PUBLIC')


def until(connection: psycopg.Connection[Any], query: Any, wanted: Any) -> None:
    """Ask until the answer is the one that is wanted."""
    for _ in range(int(SECONDS / 0.1)):
        if (row := connection.execute(BROKEN).fetchone()) is not None:
            pytest.skip(f"this server runs no job of its own, not even TimescaleDB's: {row[0]}")
        if (row := connection.execute(query).fetchone()) is not None and row[0] == wanted:
            return
        Event().wait(0.1)
    pytest.fail(f"{query} has not become {wanted!r} within {SECONDS:g} s")


def until_apache(address: str) -> None:
    """Wait until new sessions have the licence that the configuration names."""
    for _ in range(int(SECONDS / 0.1)):
        with psycopg.connect(address) as connection, connection.cursor() as cursor:
            if look(cursor).mode is Mode.APACHE:
                return
        Event().wait(0.1)
    pytest.fail(f"the licence has not changed within {SECONDS:g} s")


def test_the_scheduler_compresses_what_is_old_and_status_tells(
    server: str, connection: psycopg.Connection[Any]
) -> None:
    connection.execute(SOON)

    until(connection, CLOSED, True)
    until(connection, SUCCESSES, 3)
    found = state(server)
    [prices] = [each for each in found.sizes if each.name == "price_data_5min"]
    assert (prices.parts, prices.closed) == (1, 1)
    assert all(each.last_status == "Success" for each in found.policies)
    assert found.failures == ()


def test_a_failure_is_over_once_the_policy_succeeds(
    server: str, connection: psycopg.Connection[Any], fail: Callable[[str, int], None]
) -> None:
    connection.execute(SOON)
    until(connection, SUCCESSES, 3)
    for (job,) in connection.execute(POLICIES).fetchall():
        fail(server, job)

    assert state(server).failures == ()


def test_the_scheduler_compresses_for_the_owner_of_the_roles(
    connection: psycopg.Connection[Any], declared: None
) -> None:
    connection.execute(SOON)

    until(connection, CLOSED, True)
    until(connection, SUCCESSES, 3)


def test_the_scheduler_deletes_what_a_person_told_it_to(
    server: str, connection: psycopg.Connection[Any]
) -> None:
    until(connection, SUCCESSES, 3)  # else both policies begin at once, and may deadlock

    with retention(server) as kept:
        kept.keep("price_data_5min", timedelta(days=30))

    until(connection, "SELECT count(*) FROM price_data_5min", 0)


@pytest.fixture
def licence_taken_away(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Compress, and then let the server be of the Apache edition until the test is over."""
    connection.execute("SELECT compress_chunk(each) FROM show_chunks('price_data_5min') each")
    connection.execute("ALTER SYSTEM SET timescaledb.license = 'apache'")
    connection.execute("SELECT pg_reload_conf()")
    yield
    connection.execute("ALTER SYSTEM RESET timescaledb.license")
    connection.execute("SELECT pg_reload_conf()")


def test_what_cannot_be_read_any_more_is_told_and_harms_nobody(
    server: str, connection: psycopg.Connection[Any], licence_taken_away: None
) -> None:
    until_apache(server)

    found = state(server)

    [prices] = [each for each in found.sizes if each.name == "price_data_5min"]
    assert (prices.parts, prices.closed) == (1, 1)
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_two_writers_of_one_compressed_bucket_store_it_once(
    server: str, connection: psycopg.Connection[Any], tables: dict[str, Table]
) -> None:
    connection.execute("SELECT compress_chunk(each) FROM show_chunks('price_data_5min') each")
    table, barrier = tables["5m"], Barrier(2)
    tick = TICK + timedelta(hours=20)
    rows: list[Any] = [(item, tick, 7, 1, 7, 1) for item in range(900)]

    def put() -> Counts:
        database = Database(server, size=1)
        database.open()
        try:
            with database.transaction() as cursor:
                barrier.wait(SECONDS)
                return Writer(cursor, table).write(
                    Batch([table.record(*each) for each in rows], tick)
                )
        finally:
            database.close()

    with ThreadPoolExecutor(2) as pool:
        counts = [each.result(SECONDS) for each in [pool.submit(put), pool.submit(put)]]

    assert sum(each.inserted for each in counts) == 900
    stored = connection.execute(
        "SELECT count(*), count(DISTINCT item_id) FROM price_data_5min WHERE timestamp = %s",
        (tick,),
    )
    assert stored.fetchone() == (900, 900)


def test_a_correction_waits_for_the_policy_and_both_succeed(
    server: str, connection: psycopg.Connection[Any], tables: dict[str, Table]
) -> None:
    table = tables["5m"]
    rows: list[Any] = [(item, TICK, 9, 1, 9, 1) for item in range(600)]
    database = Database(server, size=1)
    database.open()
    try:
        connection.execute(SOON)
        with database.transaction() as cursor:
            counts = Writer(cursor, table).write(
                Batch([table.record(*each) for each in rows], TICK)
            )
    finally:
        database.close()

    assert counts == Counts(updated=600)
    nines = connection.execute("SELECT count(*) FROM price_data_5min WHERE avg_high_price = 9")
    assert nines.fetchone() == (600,)
