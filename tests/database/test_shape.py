"""Columns that somebody has changed: told with what mends them, and nothing false is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import pytest
from conftest import Machine

from gept.errors import StoreBroken, StoreRefused
from gept.model import Collector, Status
from gept.store.schema import shape

Query = Callable[..., list[Any]]


class OtherCount(NamedTuple):
    """What another version of gept declares."""

    timestamp: datetime
    count: float  # type: ignore[assignment]
    fetched_at: datetime


HIGH = "ALTER TABLE prices_latest_1m ALTER COLUMN high TYPE "


@pytest.fixture
def run(machine: Machine, collectors: dict[str, Collector]) -> Callable[[str], Any]:
    """Run the next tick of a collector."""

    def run(name: str) -> Any:
        machine.clock.forward(minutes=1)
        return machine.run(collectors[name])

    return run


@pytest.mark.parametrize("kind", ["text", "boolean", "interval", "jsonb", "real", "date", "money"])
@pytest.mark.parametrize("warm", [True, False])
def test_a_wrong_type_is_told_with_what_mends_it(
    run: Any, query: Query, kind: str, warm: bool
) -> None:
    if warm:
        assert run("players").status is Status.DONE
    query(f"ALTER TABLE player_counts ALTER COLUMN count TYPE {kind} USING NULL")
    finished = run("players")

    assert isinstance(finished.error, StoreBroken)
    said = str(finished.error)
    assert f"column count of player_counts has the type {kind}, where gept writes bigint" in said
    query("TRUNCATE player_counts")
    query(said.partition("mend it by: ")[2])
    assert run("players").status is Status.DONE


@pytest.fixture(autouse=True)
def empty_columns(query: Query) -> None:
    """Let a column lose its values, so that any type can be given to it."""
    query("ALTER TABLE player_counts ALTER COLUMN count DROP NOT NULL")


def test_a_column_that_is_too_narrow_is_to_blame_and_not_the_row(run: Any, query: Query) -> None:
    query(HIGH + "integer")
    query("ALTER TABLE prices_current ALTER COLUMN high TYPE smallint")
    finished = run("latest")

    assert isinstance(finished.error, StoreBroken)
    assert 'ALTER COLUMN "high" TYPE bigint' in str(finished.error)
    assert query("SELECT count(*) FROM prices_latest_1m") == [(0,)]


def test_a_row_of_its_own_fault_stays_that(run: Any, query: Query) -> None:
    query("ALTER TABLE player_counts ADD CHECK (count < 5)")

    finished = run("players")
    assert isinstance(finished.error, StoreRefused)
    assert finished.status is Status.REFUSED


@pytest.mark.parametrize("warm", [True, False])
def test_a_renamed_column_is_told_with_the_name_that_it_had(
    run: Any, query: Query, warm: bool
) -> None:
    if warm:
        run("latest")
    query("ALTER TABLE prices_latest_1m RENAME COLUMN high TO top")
    said = str(run("latest").error)

    assert "prices_latest_1m has no column high" in said
    query(said.partition("mend it by: ")[2])
    assert run("latest").status is Status.DONE


def test_a_column_that_was_dropped_and_a_table_that_was_renamed_are_told(
    run: Any, query: Query
) -> None:
    query("ALTER TABLE items DROP COLUMN icon CASCADE")
    said = str(run("items").error)
    assert 'ALTER TABLE "items" ADD COLUMN "icon" text, and restore' in said

    query("ALTER TABLE player_counts RENAME TO counts")
    assert "the table player_counts is not there" in str(run("players").error)


def test_every_collector_declares_the_types_of_its_tables(
    query: Query, collectors: dict[str, Collector]
) -> None:
    for each in collectors.values():
        for relation in shape.relations(each.table):
            found = dict(
                query(
                    "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute "
                    "WHERE attrelid = %s::regclass AND attnum > 0",
                    relation,
                )
            )
            declared = shape.wanted(each.table)
            assert {name: found[name] for name in declared} == declared


def test_sessions_that_outlive_a_change_do_not_stage_in_the_old_table(
    run: Any, query: Query, collectors: dict[str, Collector], monkeypatch: pytest.MonkeyPatch
) -> None:
    run("players")
    counts = collectors["players"]
    query("ALTER TABLE player_counts ALTER COLUMN count TYPE double precision")
    table = replace(counts.table, record=OtherCount)
    monkeypatch.setitem(collectors, "players", replace(counts, table=table))

    assert run("players").status is Status.DONE
    assert query("SELECT count(*) FROM player_counts WHERE count BETWEEN 1 AND 1e6") == [(2,)]
