"""What every connection is given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from gept.errors import StoreAway, StoreRefused
from gept.store import Database
from gept.store.database import LIMITS, Impatient
from gept.store.faults import translated


@pytest.mark.parametrize("pooled", [True, False])
def test_every_transaction_has_its_limits(address: str, pooled: bool) -> None:
    database = Database(address, pooled=pooled)
    database.open()
    try:
        with database.transaction() as cursor:
            found = {
                name: cursor.execute("SELECT current_setting(%s)", (name,)).fetchall()[0][0]
                for name in LIMITS
            }
    finally:
        database.close()

    assert found["jit"] == "off"
    assert found["timezone"] == "UTC"
    assert {found[name] for name in found if name.endswith("timeout")} == {"1min", "20s"}


def test_a_limit_that_is_too_low_is_no_outage() -> None:
    found = translated(psycopg.errors.ConfigurationLimitExceeded("tuple decompression limit"))

    assert isinstance(found, StoreRefused)
    assert "timescaledb.max_tuples_decompressed_per_dml_transaction" in str(found)


def test_what_the_server_says_when_it_ends_a_session_is_kept(address: str) -> None:
    with Impatient.connect(address) as connection:

        def ended() -> Iterator[Any]:
            connection.close()
            raise psycopg.errors.InternalError_('extension "timescaledb" must be preloaded')
            yield

        with pytest.raises(psycopg.errors.InternalError_) as caught:
            connection.wait(ended())  # type: ignore[arg-type]

    found = translated(caught.value)
    assert isinstance(found, StoreAway)
    assert "; add timescaledb to shared_preload_libraries and restart the server" in str(found)


def test_a_full_disk_of_the_database_is_told_with_the_remedy() -> None:
    found = translated(psycopg.errors.DiskFull('could not extend file "x": wrote only 4096'))

    assert isinstance(found, StoreAway)
    assert "wrote only 4096; its disk is full: make room there" in str(found)


def test_a_row_that_lacks_values_is_its_collectors_fault(address: str) -> None:
    def short(cursor: psycopg.Cursor[Any]) -> None:
        with cursor.copy("COPY four FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["int4"] * 4)
            copy.write_row((1, 2))

    with psycopg.connect(address) as connection:
        connection.execute("CREATE TEMPORARY TABLE four (a int, b int, c int, d int)")
        with pytest.raises(psycopg.Error) as caught:
            short(connection.cursor())

    found = translated(caught.value)
    assert isinstance(found, StoreRefused)
    assert "expected 4 values in row, got 2" in str(found)


def test_the_statement_of_an_error_is_left_out(address: str) -> None:
    with psycopg.connect(address) as connection, pytest.raises(psycopg.Error) as caught:
        connection.execute("SELECT 1 FROM nowhere")

    assert 'relation "nowhere" does not exist; run' in str(translated(caught.value))


@pytest.mark.parametrize(("what", "remedy"), [("role", "DB_USER"), ("database", "DB_NAME")])
def test_a_role_that_is_not_there_is_told_from_a_database(what: str, remedy: str) -> None:
    error = psycopg.OperationalError(f'connection failed: FATAL:  {what} "absent" does not exist')

    assert remedy in str(translated(error))
