"""Policies run as a role that may: the owner of their table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from gept.model import Table
from gept.store.layouts.retention import retention
from gept.store.layouts.timescale import lay_out

AFTER, KEPT = timedelta(days=14), timedelta(days=400)
NAME = "price_data_5min"
Ask = Callable[..., list[Any]]
JOBS = """
    SELECT owner::text, proc_name::text, coalesce(config->>'compress_after', config->>'drop_after')
    FROM timescaledb_information.jobs WHERE hypertable_name = 'price_data_5min' ORDER BY proc_name
"""
STORED = "SELECT oid::regclass::text FROM pg_class WHERE relname = 'bgw_job' AND relkind = 'r'"


@pytest.fixture
def restored(address: str, tables: dict[str, Table], query: Ask) -> Iterator[str]:
    """Give a database whose policies run as a role that the tables are not of."""
    lay_out(address, tables.values(), AFTER)
    with retention(address) as kept:
        kept.keep(NAME, KEPT)
    query("CREATE ROLE gept_former LOGIN")
    [(jobs,)] = query(STORED)
    query(f"UPDATE {jobs} SET owner = 'gept_former' WHERE proc_name LIKE 'policy_%%'")
    yield address
    query(f"UPDATE {jobs} SET owner = current_user::regrole WHERE owner::text = 'gept_former'")
    query("DROP ROLE gept_former")


def test_what_runs_as_another_is_given_to_the_owner(
    restored: str, tables: dict[str, Table], query: Ask
) -> None:
    before = query(JOBS)

    mended = lay_out(restored, tables.values(), AFTER)
    again = lay_out(restored, tables.values(), AFTER)

    [(us,)] = query("SELECT current_user::text")
    assert [owner for owner, *_ in before] == ["gept_former"] * 2
    assert query(JOBS) == [(us, *each) for _, *each in before]
    assert f"{NAME}: retention runs as the owner of the table now" in mended.changed
    assert len(mended.changed) == 4
    assert again.changed == ()


def test_what_runs_as_somebody_who_may_is_left_alone(
    address: str, tables: dict[str, Table], query: Ask
) -> None:
    lay_out(address, tables.values(), AFTER)
    query("CREATE ROLE gept_former LOGIN")
    query(f"ALTER TABLE {NAME} OWNER TO gept_former")
    [(jobs,)] = query(STORED)
    query(f"UPDATE {jobs} SET owner = current_user::regrole WHERE proc_name LIKE 'policy_%%'")
    try:
        assert lay_out(address, tables.values(), AFTER).changed == ()
    finally:
        query(f"ALTER TABLE {NAME} OWNER TO CURRENT_USER")
        query("DROP ROLE gept_former")
