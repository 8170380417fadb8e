"""Snapshots that come in another order than they were taken in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gept.model import Collector, Decoded, Status
from gept.store import Entry, Store

Query = Callable[..., list[Any]]
MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)
AT = "SELECT item_id, high, low FROM prices_at(%s) ORDER BY 1"
TABLES = "TRUNCATE ledger, prices_current, prices_latest_1m"
MINUTE = timedelta(minutes=1)
Snapshot = Mapping[int, tuple[int | None, int | None]]


def commit(store: Store, collector: Collector, at: datetime, snapshot: Snapshot) -> None:
    """Commit a snapshot an hour later, when the newest minute is another."""
    store.commit(collector, *taken(collector, at, snapshot))


def taken(collector: Collector, at: datetime, snapshot: Snapshot) -> tuple[Decoded, Entry]:
    """Return what is committed of a snapshot."""
    rows = [(item, at, high, None, low, None) for item, (high, low) in snapshot.items()]
    now = MIDNIGHT + timedelta(hours=1)
    return Decoded(rows), Entry(collector.name, at, Status.DONE, at, now, settled=True)


with_one_database = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
prices = st.tuples(st.sampled_from([None, 1, 2]), st.sampled_from([None, 1, 2]))
whole = st.fixed_dictionaries(dict.fromkeys((2, 4, 6), prices))
minutes = st.lists(st.integers(-3, 5), min_size=2, max_size=5, unique=True)


@with_one_database
@given(data=st.data())
def test_in_whatever_order_they_come_every_minute_is_told_as_it_was(
    data: st.DataObject, store: Store, query: Query, collectors: dict[str, Collector]
) -> None:
    query(TABLES)
    taken = {MIDNIGHT + n * MINUTE: data.draw(whole) for n in data.draw(minutes)}
    for at in data.draw(st.permutations(sorted(taken))):
        commit(store, collectors["latest"], at, taken[at])

    for at, snapshot in taken.items():
        assert query(AT, at) == [(item, *prices) for item, prices in sorted(snapshot.items())], at
    newest = taken[max(taken)]
    current = query("SELECT item_id, high, low FROM prices_current ORDER BY 1")
    assert current == [(item, *prices) for item, prices in sorted(newest.items())]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_there_and_back_again(
    order: tuple[int, ...], store: Store, query: Query, collectors: dict[str, Collector]
) -> None:
    taken: list[Snapshot] = [{2: (1, 1)}, {2: (2, 2)}, {2: (1, 1)}]
    for n in order:
        commit(store, collectors["latest"], MIDNIGHT + n * MINUTE, taken[n])

    told = [query(AT, MIDNIGHT + n * MINUTE)[0][1] for n in range(3)]
    assert told == [1, 2, 1]


def test_an_item_that_is_new_in_a_late_snapshot(
    store: Store, query: Query, collectors: dict[str, Collector]
) -> None:
    alone: Snapshot = {2: (1, 1)}
    both: Snapshot = {2: (1, 1), 4: (7, 7)}
    for n, snapshot in ((0, alone), (2, alone), (1, both)):
        commit(store, collectors["latest"], MIDNIGHT + n * MINUTE, snapshot)

    assert query(AT, MIDNIGHT + MINUTE) == [(2, 1, 1), (4, 7, 7)]


def test_late_news_add_what_is_new_and_change_nothing(
    store: Store, query: Query, collectors: dict[str, Collector]
) -> None:
    def post(guid: str, title: str) -> tuple[Any, ...]:
        return (guid, "official", title, None, None, None, None)

    news, half = collectors["news"], timedelta(minutes=30)
    for at, rows in (
        (MIDNIGHT + half, [post("a", "newer")]),
        (MIDNIGHT, [post("a", "older"), post("b", "only then")]),
    ):
        entry = Entry("news", at, Status.DONE, at, MIDNIGHT + timedelta(hours=1), settled=True)
        store.commit(news, Decoded(rows), entry)

    assert query("SELECT guid, title FROM osrs_news ORDER BY 1") == [
        ("a", "newer"),
        ("b", "only then"),
    ]
    assert query("SELECT count(*) FROM ledger WHERE status = 'done'") == [(2,)]


def test_what_a_clock_that_was_ahead_has_stored_is_no_state_to_compare_with(
    store: Store, query: Query, collectors: dict[str, Collector]
) -> None:
    latest, noon = collectors["latest"], MIDNIGHT + timedelta(hours=12)
    hour = timedelta(hours=1)
    for at, price in ((noon, 1), (noon + hour, 2), (noon + MINUTE, 2)):
        rows = [(2, at, price, None, price, None)]
        entry = Entry("latest", at, Status.DONE, at, at, settled=True)
        store.commit(latest, Decoded(rows), entry)

    assert query(AT, noon + MINUTE) == [(2, 2, 2)]
    assert query("SELECT timestamp FROM prices_current") == [(noon + MINUTE,)]


def test_an_older_answer_of_a_tick_does_not_undo_a_newer_one(
    store: Store, query: Query, collectors: dict[str, Collector]
) -> None:
    news, now = collectors["news"], MIDNIGHT + timedelta(hours=1)
    for minutes, title in ((20, "newer"), (5, "older")):
        asked = MIDNIGHT + timedelta(minutes=minutes)
        rows = [("a", "official", title, None, None, None, None)]
        entry = Entry("news", MIDNIGHT, Status.DONE, asked, now, settled=True)
        store.commit(news, Decoded(rows), entry)

    assert query("SELECT title FROM osrs_news") == [("newer",)]


some = st.dictionaries(st.sampled_from((2, 4, 6)), prices, min_size=1)
EVERYTHING = (
    "SELECT * FROM prices_latest_1m ORDER BY 2, 1",
    "SELECT * FROM prices_current ORDER BY 1",
    "SELECT * FROM ledger ORDER BY tick",
    "SELECT * FROM ledger_days ORDER BY day",
)


@with_one_database
@given(data=st.data())
def test_snapshots_that_are_committed_together_leave_what_each_alone_leaves(
    data: st.DataObject, store: Store, query: Query, collectors: dict[str, Collector]
) -> None:
    latest = collectors["latest"]
    drawn = [
        taken(latest, MIDNIGHT + n * MINUTE, data.draw(some))
        for n in data.draw(st.lists(st.integers(-3, 5), min_size=2, max_size=6))
    ]
    query(TABLES)
    alone = [store.commit(latest, *each) for each in drawn]
    expected = [query(each) for each in EVERYTHING]

    query(TABLES)
    with store.together(latest) as commit:
        assert [commit(*each) for each in drawn] == alone
    assert [query(each) for each in EVERYTHING] == expected


def test_of_snapshots_that_are_committed_together_all_are_there_or_none(
    store: Store, query: Query, collectors: dict[str, Collector]
) -> None:
    latest = collectors["latest"]

    def stop_after_one() -> None:
        with store.together(latest) as commit:
            commit(*taken(latest, MIDNIGHT, {2: (1, 1)}))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_after_one()
    assert [query(each) for each in EVERYTHING] == [[]] * len(EVERYTHING)
