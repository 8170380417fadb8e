"""What every connection is given."""

from __future__ import annotations

import psycopg
import pytest

from gept.errors import StoreRefused
from gept.store import Database
from gept.store.database import LIMITS, translated


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
