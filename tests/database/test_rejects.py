"""What an answer has beside its rows: kept, counted, forgotten; and buckets told twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any, cast
from unittest.mock import Mock

import pytest
from conftest import NOW, Machine
from services import Services, bucket

from gept.app.parts import Parts
from gept.app.upkeep import BATCH, EVERY, Upkeep
from gept.errors import NotYet, StoreAway
from gept.model import Collector, Decoded, Kind, Rejected, Status
from gept.simulate.faults import spoilt
from gept.store import Entry, Search, Store
from gept.store.rejects import LARGEST_PAYLOAD

Query = Callable[..., list[Any]]
T = datetime(2026, 11, 22, 12, 25, tzinfo=UTC)
KEPT = "SELECT entry, kind, reason, payload, times FROM rejected_rows ORDER BY entry"
KINDS = {
    "text": Kind.WRONG_TYPE,
    "float": Kind.WRONG_TYPE,
    "negative": Kind.OUT_OF_RANGE,
    "huge": Kind.OUT_OF_RANGE,
    "null": Kind.NULL_ENTRY,
    "bad_id": Kind.BAD_ID,
    "missing": Kind.MISSING_FIELD,
}


@pytest.fixture
def five(collectors: dict[str, Collector]) -> Collector:
    return collectors["5m"]


@pytest.mark.parametrize(("fault", "kind"), KINDS.items())
def test_each_rejected_entry_is_kept_with_kind_reason_and_payload(
    fault: str, kind: Kind, machine: Machine, five: Collector, upstream: Services, query: Query
) -> None:
    upstream.fault("/api/v1/osrs/5m", f"spoil:{fault}")

    partial = machine.run(five)

    kept = query(KEPT)
    assert len(kept) == partial.counts.rejected > 3
    assert {row[1] for row in kept} == {kind.value}
    by_entry = {each.where: each for each in partial.rejected}
    for entry, _, reason, payload, times in kept:
        assert reason == by_entry[entry].reason
        assert json.loads(payload) == by_entry[entry].value
        assert times == 1


def test_a_repeated_rejection_is_counted(
    machine: Machine, five: Collector, upstream: Services, query: Query
) -> None:
    upstream.fault("/api/v1/osrs/5m", "spoil:null", 2)
    machine.run(five)
    machine.clock.forward(seconds=15)
    machine.run(five)

    times = query("SELECT DISTINCT times, first_at, last_at FROM rejected_rows")
    assert times == [(2, NOW, NOW + timedelta(seconds=15))]


def test_an_entry_that_is_rejected_for_another_reason_is_counted_for_each(
    store: Store, query: Query
) -> None:
    for minute, kind in enumerate((Kind.NULL_ENTRY, Kind.NULL_ENTRY, Kind.BAD_ID)):
        at = NOW + timedelta(minutes=minute)
        entry(store, Rejected("7", f"a {kind}", minute, kind), at=at)

    search = Search(["5m"], T)
    counts = {each.kind: (each.entries, each.times) for each in store.count_rejects(search)}
    assert counts == {"null_entry": (1, 2), "bad_id": (1, 1)}
    newest = [(each.kind, each.reason, each.payload) for each in store.rejects(search, 10)]
    assert newest == [("bad_id", "a bad_id", "2"), ("null_entry", "a null_entry", "1")]
    assert store.forget_rejects(NOW + timedelta(minutes=2), 10) == 1
    assert query("SELECT kind FROM rejected_rows") == [("bad_id",)]


def test_of_a_refused_answer_the_first_hundred_are_kept(
    machine: Machine, five: Collector, upstream: Services, query: Query
) -> None:
    answer = {
        "data": {str(n): None for n in range(1, 201)},
        "timestamp": int(T.timestamp()),
        "new": 1,
    }
    upstream.answer = lambda *_: answer  # type: ignore[method-assign]

    refused = machine.run(five)

    assert refused.status is Status.REFUSED
    assert (len(refused.rejected), refused.drift) == (200, ("new: nobody reads it",))
    entries = {int(row[0]) for row in query(KEPT)}
    assert entries == set(range(1, 101))


def entry(store: Store, *rejected: Rejected, at: datetime = NOW) -> None:
    store.record(Entry("5m", T, Status.REFUSED, at, at), rejected)


def test_any_payload_can_be_kept(store: Store, query: Query) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    entry(
        store,
        Rejected("a\0b", "n\0ul", {"k": "\0", "x": 2**70, "at": T}),
        Rejected("x" * 5000 + "1", "long" * 1000, "é" * 9000),
        Rejected("x" * 5000 + "2", "\ud800", deep),
        Rejected("twice", "first"),
        Rejected("twice", "second"),
    )

    kept = {row[0][:5]: row for row in query(KEPT)}
    assert len(query(KEPT)) == 4
    assert kept["ab"][2] == "nul"
    assert str(2**70) in kept["ab"][3]
    assert all(len(row[3].encode()) <= LARGEST_PAYLOAD for row in query(KEPT))
    assert kept["twice"][2] == "first"


def test_a_field_that_nobody_reads_costs_no_row(
    machine: Machine, five: Collector, upstream: Services
) -> None:
    upstream.fault("/api/v1/osrs/5m", "spoil:extra")

    drifted = machine.run(five)

    assert drifted.status is Status.DONE
    assert drifted.counts.inserted == len(bucket("5m", int(T.timestamp())))
    assert drifted.drift == ("data.*.new: nobody reads it",)
    assert machine.run(five).drift == ()


def test_what_was_not_read_has_no_drift(
    machine: Machine, five: Collector, upstream: Services
) -> None:
    upstream.fault("/api/v1/osrs/5m", "stale")
    upstream.fault("/api/v1/osrs/5m", "html")

    assert [machine.run(five).drift for _ in range(2)] == [None, None]


def test_drift_of_a_feed_that_serves_no_row_is_told(
    machine: Machine, collectors: dict[str, Collector], upstream: Services
) -> None:
    true = upstream.answer

    def answer(path: str, query: dict[str, str], fault: str) -> Any:
        asked = query.get("action") == "query"
        return {"query": {}, "query2": {}} if asked else true(path, query, fault)

    upstream.answer = answer  # type: ignore[method-assign]

    finished = machine.run(collectors["news"])

    assert finished.status is Status.DONE
    assert finished.drift == ("query2: nobody reads it",)


def test_what_is_kept_is_found_by_collector_kind_and_time(store: Store) -> None:
    entry(store, Rejected("1", "r", 1, Kind.BAD_ID), Rejected("2", "r", 2))
    entry(store, Rejected("3", "r", 3, Kind.BAD_ID), at=NOW + timedelta(hours=1))

    def found(search: Search, limit: int = 9) -> list[str]:
        return [each.entry for each in store.rejects(search, limit)]

    assert found(Search(["5m"], NOW)) == ["3", "1", "2"]
    assert found(Search(["5m"], NOW), 1) == ["3"]
    assert found(Search(["5m"], NOW, Kind.BAD_ID)) == ["3", "1"]
    assert found(Search(["5m"], NOW + timedelta(minutes=1))) == ["3"]
    assert found(Search(["latest"], NOW)) == []
    counts = store.count_rejects(Search(["5m"], NOW))
    assert [(each.kind, each.entries) for each in counts] == [("bad_id", 2), ("other", 1)]


def test_upkeep_forgets_what_is_old_in_batches_and_then_rests(
    store: Store, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gept.app.upkeep.BATCH", 2)
    entry(store, *(Rejected(str(number), "r") for number in range(3)))
    entry(store, Rejected("young", "r"), at=NOW + timedelta(hours=2))
    at = [NOW + timedelta(days=30, seconds=1)]
    upkeep, left = Upkeep(store, timedelta(days=30), lambda: at[0]), []

    for minutes in (0, 1, 1, 30, 20):
        at[0] += timedelta(minutes=minutes)
        upkeep()
        left.append(query("SELECT count(*) FROM rejected_rows")[0][0])
    entry(store, Rejected("old", "r"), at=NOW - timedelta(days=60))
    upkeep()
    left.append(query("SELECT count(*) FROM rejected_rows")[0][0])

    assert left == [2, 1, 1, 1, 1, 2]
    assert BATCH < 10_000
    assert timedelta(hours=1) <= EVERY


def test_a_process_that_collects_does_the_upkeep(monkeypatch: pytest.MonkeyPatch) -> None:
    done, nothing = Event(), cast("Any", None)
    monkeypatch.setattr(Parts, "look", lambda _: None)
    parts = replace(Parts(*[nothing] * len(fields(Parts))), collectors=(), repairs=())
    parts = replace(parts, drain=Mock(), lookout=Mock(), pulse=Mock(), upkeep=cast("Any", done.set))
    parts = replace(parts, settings=Mock(beat=timedelta(0)))

    parts.jobs(done)["watch"]()

    assert done.is_set()


def test_upkeep_outlives_a_database_that_is_away(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def away(*_: Any) -> int:
        tries.append(1)
        raise StoreAway("away")

    monkeypatch.setattr(store, "forget_rejects", away)
    upkeep = Upkeep(store, timedelta(days=30), lambda: NOW)
    upkeep()
    upkeep()

    assert tries == [1]


def test_old_entries_are_found_by_an_index(query: Query) -> None:
    query("SET enable_seqscan = off")

    plan = query("EXPLAIN SELECT * FROM rejected_rows WHERE last_at < now() ORDER BY last_at")

    assert "rejected_rows_age" in str(plan)


def test_a_bucket_that_repeats_the_one_before_is_asked_for_again(
    machine: Machine, five: Collector, upstream: Services, query: Query
) -> None:
    before = T - timedelta(minutes=5)
    machine.run(five, before)
    upstream.fault("/api/v1/osrs/5m", "repeat")

    repeated = machine.run(five, T)

    assert repeated.status is Status.NOT_YET
    assert isinstance(repeated.error, NotYet)
    assert "repeats the bucket before" in str(repeated.error)
    assert repeated.next_try == NOW + timedelta(seconds=4)
    assert query("SELECT count(*) FROM price_data_5min WHERE timestamp = %s", T) == [(0,)]
    assert machine.run(five, T).status is Status.DONE
    assert query("SELECT count(DISTINCT digest) FROM ledger") == [(2,)]


def test_a_settled_reading_that_repeats_the_bucket_before_spoils_nothing(
    machine: Machine, five: Collector, upstream: Services, query: Query
) -> None:
    machine.run(five, T - timedelta(minutes=5))
    machine.run(five, T)
    rows = query("SELECT * FROM price_data_5min ORDER BY 1, 2")
    machine.clock.forward(minutes=10)
    upstream.fault("/api/v1/osrs/5m", "repeat")

    repeated = machine.run(five, T)

    assert repeated.next_try is not None
    assert query("SELECT * FROM price_data_5min ORDER BY 1, 2") == rows
    assert query("SELECT status, settled FROM ledger WHERE tick = %s", T) == [("done", False)]


def test_a_bucket_that_repeats_a_partial_one_is_no_other_either(
    machine: Machine, five: Collector, upstream: Services
) -> None:
    upstream.fault("/api/v1/osrs/5m", "spoil:null")
    machine.run(five, T - timedelta(minutes=5))
    upstream.fault("/api/v1/osrs/5m", "repeat+null")
    true = upstream.answer

    def answer(path: str, query: dict[str, str], fault: str) -> Any:
        return (
            spoilt(true(path, query, "repeat"), "null")
            if "+" in fault
            else true(path, query, fault)
        )

    upstream.answer = answer  # type: ignore[method-assign]

    assert machine.run(five, T).status is Status.NOT_YET


def test_what_a_source_repeats_for_long_is_its_truth(
    machine: Machine, five: Collector, upstream: Services
) -> None:
    machine.run(five, T - timedelta(minutes=5))
    upstream.fault("/api/v1/osrs/5m", "repeat", 9)
    said = []
    for minutes in (0, 30, 30, 30):
        machine.clock.forward(minutes=minutes)
        said.append(machine.run(five, T).status.value)

    assert said == ["not_yet", "not_yet", "done", "done"]


def test_a_few_rows_may_be_the_same_twice_and_many_with_another_bucket_between(
    store: Store, five: Collector
) -> None:
    def commit(at: datetime, rows: int) -> Any:
        found = [(item, at, 1, 1, 1, 1) for item in range(1, rows + 1)]
        entry = Entry("5m", at, Status.DONE, NOW, NOW)
        return store.commit(five, Decoded(found, digest=b"same"), entry)

    assert commit(T - timedelta(minutes=5), 9)
    assert commit(T, 9)
    with pytest.raises(NotYet):
        commit(T + timedelta(minutes=5), 10)
    assert commit(T + timedelta(minutes=10), 10)
