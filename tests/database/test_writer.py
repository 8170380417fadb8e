"""Rows into tables: exact counts, nothing touched without need, nothing lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gept.collectors.five_minutes import COLLECTOR as FIVE
from gept.collectors.items import COLLECTOR as ITEMS
from gept.collectors.items import Item
from gept.collectors.latest import COLLECTOR as LATEST
from gept.errors import DecodeError
from gept.model import Counts, Row, Table
from gept.store import Database
from gept.store.writer import Batch, Writer

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Query = Callable[..., list[Any]]


def bucket(prices: dict[int, int | None], at: datetime = AT) -> list[Row]:
    return [(item, at, price, 1, None, 0) for item, price in prices.items()]


@pytest.fixture
def put(database: Database) -> Callable[..., Counts]:
    def put(table: Table, rows: list[Row], tick: datetime = AT, **how: Any) -> Counts:
        with database.transaction() as cursor:
            return Writer(cursor, table).write(Batch(rows, tick, **how))

    return put


def test_new_different_and_same_rows_are_counted_apart(put: Any, query: Query) -> None:
    first = put(FIVE.table, bucket({1: 10, 2: None, 3: 30}))
    second = put(FIVE.table, bucket({1: 11, 2: None, 3: None, 4: 40}))

    assert first == Counts(inserted=3)
    assert second == Counts(inserted=1, updated=2, unchanged=1)
    assert query("SELECT item_id, avg_high_price FROM price_data_5min ORDER BY 1") == [
        (1, 11),
        (2, None),
        (3, None),
        (4, 40),
    ]


def test_the_same_rows_again_touch_nothing(put: Any, query: Query) -> None:
    versions = "SELECT item_id, xmin::text, ctid::text FROM price_data_5min_20261119 ORDER BY 1"
    put(FIVE.table, bucket({1: 10, 2: None}))
    before = query(versions)

    assert put(FIVE.table, bucket({1: 10, 2: None}), whole=True) == Counts(unchanged=2)
    assert query(versions) == before


def test_prices_and_volumes_have_64_bits(put: Any, query: Query) -> None:
    put(FIVE.table, [(1, AT, 2**63 - 1, 2**63 - 1, 9_199_000_000, 2**40)])

    assert query("SELECT avg_high_price, avg_low_price FROM price_data_5min") == [
        (2**63 - 1, 9_199_000_000)
    ]


def test_a_key_that_comes_twice_in_a_batch_is_stored_once(put: Any, query: Query) -> None:
    counts = put(FIVE.table, bucket({1: 10}) + bucket({1: 11}))

    assert counts.inserted == 1
    assert query("SELECT count(*) FROM price_data_5min") == [(1,)]


def test_what_a_whole_answer_lacks_is_removed(put: Any, query: Query) -> None:
    put(FIVE.table, bucket(dict.fromkeys(range(1, 11), 5)))
    put(FIVE.table, bucket({1: 5}, AT + timedelta(minutes=5)), AT + timedelta(minutes=5))

    counts = put(FIVE.table, bucket(dict.fromkeys(range(1, 10), 5)), whole=True)

    assert counts == Counts(removed=1, unchanged=9)
    assert query("SELECT count(*) FROM price_data_5min") == [(10,)]


def test_an_answer_that_would_remove_too_much_is_not_believed(put: Any, query: Query) -> None:
    put(FIVE.table, bucket(dict.fromkeys(range(1, 11), 5)))

    with pytest.raises(DecodeError, match="not believed"):
        put(FIVE.table, bucket({1: 6, 2: 6, 3: 6}), whole=True)

    assert query("SELECT count(*), max(avg_high_price) FROM price_data_5min") == [(10, 5)]


def test_an_answer_that_is_not_whole_removes_nothing(put: Any, query: Query) -> None:
    put(FIVE.table, bucket({1: 5, 2: 5}))

    assert put(FIVE.table, bucket({1: 5})).removed == 0


@pytest.mark.parametrize("year", [1971, 2021, 2026, 2099])
def test_no_row_is_refused_for_want_of_a_partition(year: int, put: Any, query: Query) -> None:
    at = datetime(year, 3, 8, 8, tzinfo=UTC)

    put(FIVE.table, bucket({1: 5}, at), at)

    assert query("SELECT timestamp FROM price_data_5min") == [(at,)]


def test_a_batch_may_span_partitions(put: Any, query: Query) -> None:
    rows = [row for week in range(5) for row in bucket({1: 5}, AT + timedelta(weeks=week))]

    assert put(FIVE.table, rows).inserted == 5
    assert put(FIVE.table, rows).unchanged == 5


def snapshot(prices: dict[int, int], at: datetime) -> list[Row]:
    return [(item, at, price, AT - MINUTE, None, None) for item, price in prices.items()]


def test_the_journal_has_what_changed_and_each_day_a_frame(put: Any, query: Query) -> None:
    journal = "SELECT item_id, timestamp, high FROM prices_latest_1m ORDER BY 2, 1"
    put(LATEST.table, snapshot({1: 10, 2: 20}, AT), AT, frame=True)
    put(LATEST.table, snapshot({1: 10, 2: 21}, AT + MINUTE), AT + MINUTE)
    put(LATEST.table, snapshot({1: 10, 2: 21}, AT + 2 * MINUTE), AT + 2 * MINUTE)
    put(LATEST.table, snapshot({1: 10, 2: 21}, AT + 3 * MINUTE), AT + 3 * MINUTE, frame=True)

    assert query(journal) == [
        (1, AT, 10),
        (2, AT, 20),
        (2, AT + MINUTE, 21),
        (1, AT + 3 * MINUTE, 10),
        (2, AT + 3 * MINUTE, 21),
    ]
    assert query("SELECT item_id, timestamp, high FROM prices_current ORDER BY 1") == [
        (1, AT, 10),
        (2, AT + MINUTE, 21),
    ]


def test_prices_at_any_minute(put: Any, query: Query) -> None:
    put(LATEST.table, snapshot({1: 10, 2: 20}, AT), AT, frame=True)
    put(LATEST.table, snapshot({1: 10, 2: 21}, AT + MINUTE), AT + MINUTE)
    at = "SELECT item_id, high FROM prices_at(%s) ORDER BY 1"

    assert query(at, AT - MINUTE) == []
    assert query(at, AT) == [(1, 10), (2, 20)]
    assert query(at, AT + 5 * MINUTE) == [(1, 10), (2, 21)]


def test_current_prices_never_move_backwards(put: Any, query: Query) -> None:
    put(LATEST.table, snapshot({1: 11}, AT + MINUTE), AT + MINUTE)
    put(LATEST.table, snapshot({1: 10}, AT), AT, newest=AT + MINUTE)

    assert query("SELECT timestamp, high FROM prices_current") == [(AT + MINUTE, 11)]


def listed(limit: int | None = 100, day: int = 22, items: int = 10) -> list[Row]:
    at = datetime(2026, 11, day, tzinfo=UTC)
    return [
        Item(n, f"Item {n}", "x", True, 1, 2, 3, "u", limit if n == 1 else 5, "i.png", at, None)
        for n in range(1, items + 1)
    ]


def test_every_changed_field_of_an_item_is_in_its_history(put: Any, query: Query) -> None:
    put(ITEMS.table, listed(), whole=True)
    put(ITEMS.table, listed(limit=None, day=23), whole=True)

    assert query("SELECT * FROM item_history") == [
        (1, datetime(2026, 11, 23, tzinfo=UTC), "buy_limit", "100", None)
    ]
    assert query("SELECT item_id, last_seen FROM items WHERE updated_at IS NOT NULL") == [
        (1, datetime(2026, 11, 23, tzinfo=UTC))
    ]


def test_what_changed_and_changed_back_in_a_day_is_no_history(put: Any, query: Query) -> None:
    put(ITEMS.table, listed())
    put(ITEMS.table, listed(limit=None))
    put(ITEMS.table, listed())

    assert query("SELECT * FROM item_history") == []


def test_an_item_that_goes_is_marked_and_one_that_returns_is_not(put: Any, query: Query) -> None:
    days = [datetime(2026, 11, day, tzinfo=UTC) for day in (22, 23, 24)]
    state = "SELECT removed_at, tradeable FROM items WHERE item_id = 10"
    put(ITEMS.table, listed(), days[0], whole=True)
    put(ITEMS.table, listed(day=23, items=9), days[1], whole=True)
    gone = query(state)
    put(ITEMS.table, listed(day=24), days[2], whole=True)

    assert gone == [(days[1], False)]
    assert query(state) == [(None, True)]
    assert query("SELECT changed_at, field FROM item_history ORDER BY 1") == [
        (days[1], "removed_at"),
        (days[2], "removed_at"),
    ]
