"""How big tables are, told without reading them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from conftest import NOW

from gept.app import reading
from gept.model import Collector
from gept.store import Database, Store

Query = Callable[..., list[Any]]
FILL = """
    INSERT INTO player_counts (timestamp, count)
    SELECT t, 1 FROM generate_series(now() - interval '1 day', now(), '1 minute') AS t
"""
READ = """
    SELECT sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid))
    FROM pg_class WHERE relname ~ '^(player_counts|price_data_5min)' AND relkind IN ('r', 'i')
"""


def test_partitions_count_and_estimates_are_near(
    store: Store, query: Query, collectors: dict[str, Collector]
) -> None:
    five = collectors["5m"]
    store.begin(five, NOW - timedelta(days=21), NOW)
    [empty] = store.sizes(["price_data_5min"])
    query(
        "INSERT INTO price_data_5min SELECT i, %s::timestamptz + w * interval '7 days', 1, 1, 1, 1 "
        "FROM generate_series(1, 5000) AS i, generate_series(0, 3) AS w",
        NOW,
    )
    query("ANALYZE price_data_5min")
    [filled] = store.sizes(["price_data_5min"])

    assert (empty.there, empty.rows) == (True, 0)
    assert filled.rows == 20_000
    [(leaves,)] = query(
        "SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('price_data_5min')"
    )
    assert filled.size == leaves > empty.size


def test_a_table_that_is_not_there_spoils_no_other(store: Store, query: Query) -> None:
    query("DROP TABLE player_counts CASCADE")
    strange = 'x"; DROP TABLE items; --'

    found = {each.name: each.there for each in store.sizes(["player_counts", "items", strange])}

    assert found == {"player_counts": False, "items": True, strange: False}


def test_no_row_of_data_is_read(address: str, query: Query) -> None:
    query(FILL)

    with psycopg.connect(address) as connection:
        store = Store(_One(connection))  # type: ignore[arg-type]
        store.sizes(["player_counts", "price_data_5min"])

        assert connection.execute(READ).fetchone() == (0,)


class _One:
    """A database of one connection, whose transaction stays open."""

    size = 1

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def transaction(self) -> psycopg.Cursor[Any]:
        """Give a cursor."""
        return self._connection.cursor()


def test_everything_of_a_reading(
    database: Database, store: Store, collectors: dict[str, Collector]
) -> None:
    for each in collectors.values():
        store.begin(each, NOW - timedelta(hours=1), NOW)
    store.pause_backfill(collectors["5m"])

    found = reading.read(store, list(collectors.values()), timedelta(days=3650))

    assert all(each.there for each in found.sizes.values())
    assert set(found.gaps) == set(collectors)
    assert list(found.paused) == ["5m"]


PREDICTIONS = "CREATE TABLE predictions (item_id integer, time {} NOT NULL)"
INDEX = "CREATE INDEX ON predictions (time DESC)"


def test_the_newest_of_predictions_is_told_where_an_index_tells_it(
    store: Store, query: Query
) -> None:
    assert store.neighbour("predictions", "time") is None
    query(PREDICTIONS.format("timestamptz"))
    query("INSERT INTO predictions VALUES (2, %s), (3, %s)", NOW, NOW - timedelta(hours=1))
    slow = store.neighbour("predictions", "time")
    query(INDEX)
    quick = store.neighbour("predictions", "time")

    assert slow is not None
    assert slow.size is not None
    assert (slow.newest, slow.size.there) == (None, True)
    assert slow.error is not None
    assert slow.error.startswith("its newest time is not known: let this role read that column, ")
    assert quick is not None
    assert (quick.newest, quick.error) == (NOW, None)


@pytest.mark.parametrize(
    "made",
    [
        ["CREATE TABLE predictions (at timestamptz PRIMARY KEY)"],
        ["CREATE VIEW predictions AS SELECT now() AS time"],
        [PREDICTIONS.format("text"), INDEX],
        [PREDICTIONS.format("timestamptz"), "CREATE INDEX ON predictions USING brin (time)"],
        [
            PREDICTIONS.format("timestamptz"),
            INDEX,
            "INSERT INTO predictions VALUES (1, 'infinity')",
        ],
    ],
)
def test_predictions_of_another_shape_spoil_nothing(
    made: list[str], store: Store, query: Query, collectors: dict[str, Collector]
) -> None:
    for statement in made:
        query(statement)

    found = reading.read(store, list(collectors.values()), timedelta(days=7))

    assert found.predictions is not None
    assert found.predictions.error
    assert all(each.there for each in found.sizes.values())


def test_predictions_that_are_locked_are_not_waited_for(
    address: str, store: Store, query: Query, collectors: dict[str, Collector]
) -> None:
    query(PREDICTIONS.format("timestamp"))
    with psycopg.connect(address) as other:
        other.execute("LOCK TABLE predictions")
        found = reading.read(store, list(collectors.values()), timedelta(days=7))

    assert found.predictions is not None
    assert "lock timeout" in str(found.predictions.error)
    assert found.sizes["items"].there


def test_an_empty_database_has_no_predictions_to_show(
    store: Store, collectors: dict[str, Collector]
) -> None:
    assert reading.read(store, list(collectors.values()), timedelta(days=7)).predictions is None
