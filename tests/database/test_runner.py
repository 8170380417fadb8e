"""One tick, from an answer on loopback to committed rows and the ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import NOW, Machine
from services import Services, bucket, latest

from gept.errors import DecodeError, NotYet, UpstreamRefused
from gept.model import Collector, Counts, Status
from gept.runner import witness
from gept.schedule import Every
from gept.store import Database

Query = Callable[..., list[Any]]
LEDGER = "SELECT status, settled, attempts, rows, revisions, next_try_at FROM ledger"
BUCKETS = "SELECT item_id, avg_high_price, high_price_volume, avg_low_price, low_price_volume FROM price_data_5min WHERE timestamp = %s ORDER BY 1"
T = datetime(2026, 11, 22, 12, 25, tzinfo=UTC)


def served(step: str, at: datetime) -> list[tuple[Any, ...]]:
    data = bucket(step, int(at.timestamp()))
    return sorted((int(item), *sides.values()) for item, sides in data.items())


@pytest.fixture
def five(collectors: dict[str, Collector]) -> Collector:
    return collectors["5m"]


def test_a_bucket_is_stored_as_it_was_served(
    machine: Machine, five: Collector, query: Query
) -> None:
    finished = machine.run(five)

    assert (finished.tick, finished.status) == (T, Status.DONE)
    assert query(BUCKETS, T) == served("5m", T)
    assert finished.counts == Counts(inserted=len(served("5m", T)))
    assert query(LEDGER) == [("done", False, 1, finished.counts.rows, 0, five.settles_at(T))]


def test_a_tick_run_twice_touches_no_row(machine: Machine, five: Collector, query: Query) -> None:
    versions = "SELECT item_id, xmin::text FROM price_data_5min ORDER BY 1"
    machine.run(five)
    before = query(versions)

    again = machine.run(five)

    assert again.counts == Counts(unchanged=len(before))
    assert again.again
    assert query(versions) == before


def test_a_settled_reading_revises(
    machine: Machine, five: Collector, upstream: Services, query: Query
) -> None:
    first, second, third = [str(item) for item, *_ in served("5m", T)][:3]
    upstream.missing_items = {first}
    machine.run(five)
    upstream.missing_items = {second}
    query("UPDATE price_data_5min SET avg_low_price = 1 WHERE item_id = %s", int(third))
    machine.clock.forward(minutes=10)

    settled = machine.run(five, T)

    assert (settled.counts.inserted, settled.counts.updated, settled.counts.removed) == (1, 1, 1)
    assert settled.next_try is None
    [(status, is_settled, attempts, _, revisions, next_try)] = query(LEDGER)
    assert (status, is_settled, attempts, revisions, next_try) == ("done", True, 2, 2, None)


def test_a_late_bucket_is_asked_for_again_soon(
    machine: Machine, five: Collector, upstream: Services, query: Query
) -> None:
    upstream.fault("/api/v1/osrs/5m", "stale")

    late = machine.run(five)

    assert late.status is Status.NOT_YET
    assert isinstance(late.error, NotYet)
    assert late.next_try == NOW + timedelta(seconds=4)
    assert query(BUCKETS, T) == query(BUCKETS, T - timedelta(minutes=5)) == []

    assert machine.run(five).status is Status.DONE
    assert query(BUCKETS, T) == served("5m", T)


def test_an_old_tick_that_fails_is_soon_tried_again_and_then_ever_less(
    machine: Machine, five: Collector, upstream: Services
) -> None:
    upstream.fault("/api/v1/osrs/5m", "status:404", 9)
    pauses = []
    for _ in range(3):
        failed = machine.run(five, T - timedelta(hours=14))
        assert failed.next_try is not None
        pauses.append(failed.next_try - machine.clock())
        machine.clock.forward(minutes=30)

    assert pauses == [timedelta(seconds=15), timedelta(minutes=3), timedelta(minutes=6)]


def test_a_hole_in_the_source_is_closed_after_days_of_trying(
    machine: Machine, five: Collector, upstream: Services, query: Query
) -> None:
    old = T - timedelta(days=10)
    upstream.fault("/api/v1/osrs/5m", "empty", 4)
    quick = [machine.run(five, old).status for _ in range(3)]
    machine.clock.forward(days=1)
    closed = machine.run(five, old)

    assert quick == [Status.NOT_YET] * 3
    assert (closed.status, closed.next_try) == (Status.EMPTY, None)
    upstream.fault("/api/v1/osrs/5m", "status:503", 9)
    machine.run(five, old)
    assert [row[0] for row in query(LEDGER)] == ["empty"]


def test_only_plain_words_close_a_tick(
    machine: Machine, five: Collector, upstream: Services, query: Query
) -> None:
    old = T - timedelta(days=10)
    upstream.fault("/api/v1/osrs/5m", "stale", 4)
    for _ in range(4):
        machine.run(five, old)
        machine.clock.forward(days=1)

    assert [row[0] for row in query(LEDGER)] == ["not_yet"]


@pytest.mark.parametrize("name", ["latest", "players"])
def test_a_clock_that_was_ahead_costs_nothing_later(
    name: str, machine: Machine, collectors: dict[str, Collector], query: Query
) -> None:
    collector = collectors[name]
    machine.clock.forward(days=1)
    machine.run(collector)
    machine.clock.forward(days=-1)
    done = [machine.run(collector).status]
    machine.clock.forward(minutes=1)
    done.append(machine.run(collector).status)

    assert done == [Status.DONE, Status.DONE]
    standing = machine.store.standing(collector, machine.clock())
    assert standing.newest_good == collector.schedule.newest(machine.clock())
    if name == "latest":
        newest = query("SELECT max(timestamp) FROM prices_current")
        assert newest == [(collector.schedule.newest(machine.clock()),)]


SPOILT = [
    (name, kind)
    for name in ("5m", "hourly", "latest", "items")
    for kind in ("text", "negative", "huge", "float", "null", "bad_id", "missing")
    if (name, kind) != ("items", "bad_id")  # a list has no keys
]


@pytest.mark.parametrize(("name", "kind"), SPOILT)
def test_one_bad_entry_costs_only_itself(
    kind: str,
    name: str,
    machine: Machine,
    upstream: Services,
    query: Query,
    collectors: dict[str, Collector],
) -> None:
    collector = collectors[name]
    path = next(iter(collector.requests(_tick(collector, machine)))).path
    upstream.fault(f"/api/v1/osrs{path}", f"spoil:{kind}")

    partial = machine.run(collector)

    rejected, stored = partial.counts.rejected, partial.counts.inserted
    if name == "items":
        assert (partial.status, stored) == (Status.REFUSED, 0)
        return
    assert partial.status is Status.PARTIAL
    assert rejected == -(-(rejected + stored) // 10) > 3
    assert all(each.reason for each in partial.rejected)
    assert machine.run(collector).status is Status.DONE
    assert [row[0] for row in query(LEDGER)] == ["done"]


def _tick(collector: Collector, machine: Machine) -> Any:
    from gept.model import Tick

    return Tick(collector.schedule.newest(machine.clock()))


def test_what_is_partial_stays_so_when_a_later_try_fails(
    machine: Machine, five: Collector, upstream: Services, query: Query
) -> None:
    upstream.fault("/api/v1/osrs/5m", "spoil:null")
    machine.run(five)
    upstream.fault("/api/v1/osrs/5m", "status:404")
    machine.run(five)

    assert query("SELECT status, rejected > 0 FROM ledger") == [("partial", True)]


def test_a_partial_answer_removes_nothing(
    machine: Machine, five: Collector, upstream: Services, query: Query
) -> None:
    machine.run(five)
    machine.clock.forward(minutes=10)
    upstream.fault("/api/v1/osrs/5m", "spoil:null")

    machine.run(five, T)

    assert query(BUCKETS, T) == served("5m", T)


def test_an_answer_with_too_many_bad_entries_is_refused_whole(
    machine: Machine, five: Collector, upstream: Services, query: Query
) -> None:
    upstream.fault("/api/v1/osrs/5m", "spoil:null")

    refused = machine.run(replace(five, tolerates=0.05))

    assert refused.status is Status.REFUSED
    assert query("SELECT count(*) FROM price_data_5min") == [(0,)]


@pytest.mark.parametrize("fault", ["html", "truncate", "nan", "empty"])
def test_what_is_no_snapshot_is_refused(
    fault: str, machine: Machine, upstream: Services, collectors: dict[str, Collector], query: Query
) -> None:
    upstream.fault("/api/v1/osrs/latest", fault)

    refused = machine.run(collectors["latest"])

    assert refused.status is Status.REFUSED
    assert isinstance(refused.error, DecodeError)
    assert query("SELECT count(*) FROM prices_current") == [(0,)]
    assert machine.run(collectors["latest"]).status is Status.DONE


def test_a_good_tick_stays_good_when_a_later_reading_fails(
    machine: Machine, five: Collector, upstream: Services, query: Query
) -> None:
    machine.run(five)
    upstream.fault("/api/v1/osrs/5m", "status:404")

    failed = machine.run(five)

    assert failed.status is Status.FAILED
    assert failed.next_try is not None
    [(status, settled, _, rows, *_)] = query(LEDGER)
    assert (status, settled, rows) == ("done", False, len(served("5m", T)))


def test_a_snapshot_is_stored_with_its_changes(
    machine: Machine, collectors: dict[str, Collector], query: Query
) -> None:
    collector = collectors["latest"]
    for _ in range(3):
        machine.run(collector)
        machine.clock.forward(minutes=1)

    minute = int(NOW.timestamp()) // 60
    expected = sorted(
        (int(item), sides["high"], sides["low"]) for item, sides in latest(minute + 2).items()
    )
    assert query("SELECT item_id, high, low FROM prices_current ORDER BY 1") == expected
    at = datetime.fromtimestamp((minute + 2) * 60, UTC)
    assert query("SELECT item_id, high, low FROM prices_at(%s) ORDER BY 1", at) == expected
    rows = query("SELECT timestamp, count(*) FROM prices_latest_1m GROUP BY 1 ORDER BY 1")
    assert rows[0][1] == len(expected)
    assert all(count < len(expected) / 3 for _, count in rows[1:])


def test_each_utc_day_begins_with_every_item(
    machine: Machine, collectors: dict[str, Collector], query: Query
) -> None:
    machine.clock.at = datetime(2026, 11, 22, 23, 59, 1, tzinfo=UTC)
    for _ in range(3):
        machine.run(collectors["latest"])
        machine.clock.forward(minutes=1)

    counts = [
        n
        for _, n in query("SELECT timestamp, count(*) FROM prices_latest_1m GROUP BY 1 ORDER BY 1")
    ]
    assert counts[0] == counts[1] == len(latest(0))
    assert counts[2] < counts[1]


def test_the_first_snapshot_of_a_minute_wins(
    machine: Machine, collectors: dict[str, Collector], upstream: Services, query: Query
) -> None:
    machine.run(collectors["players"])
    before = query("SELECT count FROM player_counts")
    upstream.players = 7

    again = machine.run(collectors["players"])

    assert (again.status, again.again, again.counts) == (Status.DONE, True, Counts())
    assert again.warning is not None
    assert query("SELECT count FROM player_counts") == before != [(7,)]


def test_a_snapshot_is_asked_for_again_only_within_its_minute(
    machine: Machine, collectors: dict[str, Collector], upstream: Services
) -> None:
    upstream.fault("/api/v1/osrs/latest", "status:404", 2)

    first = machine.run(collectors["latest"])
    machine.clock.forward(seconds=30)
    second = machine.run(collectors["latest"])

    assert first.next_try == NOW + timedelta(seconds=15)
    assert second.next_try is None
    assert isinstance(first.error, UpstreamRefused)


def test_news_of_both_feeds_with_every_page_of_changes(
    machine: Machine, collectors: dict[str, Collector], upstream: Services, query: Query
) -> None:
    machine.run(collectors["news"])
    first = query("SELECT count(*) FROM osrs_news WHERE feed = 'wiki'")
    upstream.asked.clear()
    machine.clock.forward(minutes=30)

    machine.run(collectors["news"])

    assert query("SELECT count(*) FROM osrs_news WHERE feed = 'official'") == [(15,)]
    assert first == [(24 * 180 + 5,)]
    assert query("SELECT count(*) FROM osrs_news WHERE feed = 'wiki'") == [(first[0][0] + 90,)]
    assert len(upstream.asked) == 2
    numbers = query("SELECT count(DISTINCT pub_date) FROM osrs_news WHERE feed = 'wiki'")
    assert numbers == [(first[0][0] + 90,)]


def test_news_may_be_asked_for_twice_in_its_half_hour(
    machine: Machine, collectors: dict[str, Collector], upstream: Services
) -> None:
    machine.run(collectors["news"])
    upstream.wording = "Reworded"

    again = machine.run(collectors["news"])

    assert again.counts.updated == 15


def test_one_feed_that_fails_does_not_cost_the_other(
    machine: Machine, collectors: dict[str, Collector], upstream: Services, query: Query
) -> None:
    upstream.fault("/m=news", "xxe")

    partial = machine.run(collectors["news"])

    assert partial.status is Status.PARTIAL
    assert query("SELECT DISTINCT feed FROM osrs_news") == [("wiki",)]


def test_the_wikis_feed_serves_while_its_api_refuses_and_no_edit_is_lost(
    machine: Machine, collectors: dict[str, Collector], upstream: Services, query: Query
) -> None:
    kinds = "SELECT feed, count(*) FROM osrs_news WHERE feed <> 'official' GROUP BY 1 ORDER BY 1"
    machine.run(collectors["news"])
    [(_, before)] = query(kinds)
    machine.clock.forward(hours=2)
    upstream.fault("/api.php?action=query", "status:403")
    fallen_back = machine.run(collectors["news"])
    meanwhile = query(kinds)
    machine.clock.forward(minutes=30)
    machine.run(collectors["news"])

    assert fallen_back.status is Status.DONE
    assert meanwhile[0] == ("wiki", before)
    assert 40 <= meanwhile[1][1] <= 50
    assert query(kinds) == [("wiki", before + 450)]


def test_a_page_of_changes_that_fails_costs_no_edit(
    machine: Machine, collectors: dict[str, Collector], upstream: Services, query: Query
) -> None:
    count = "SELECT count(*) FROM osrs_news WHERE feed = 'wiki'"
    machine.run(collectors["news"])
    [(before,)] = query(count)
    machine.clock.forward(hours=4)
    upstream.fault("/api.php", "")
    upstream.fault("/api.php", "status:404", 2)
    broken = machine.run(collectors["news"])
    unchanged = query(count)
    machine.clock.forward(minutes=30)
    machine.run(collectors["news"])

    assert broken.status is Status.PARTIAL
    assert unchanged == [(before,)]
    assert query(count) == [(before + 810,)]


def test_a_change_dated_in_the_future_ends_nothing(
    machine: Machine, collectors: dict[str, Collector], query: Query
) -> None:
    machine.run(collectors["news"])
    query("UPDATE osrs_news SET pub_date = '2099-01-01' WHERE guid LIKE '%%#rc%%'")
    count = "SELECT count(*) FROM osrs_news WHERE feed = 'wiki'"
    [(before,)] = query(count)
    machine.clock.forward(minutes=30)
    machine.run(collectors["news"])

    assert query(count) == [(before + 90,)]


def test_an_item_with_a_name_too_long_costs_only_itself(
    machine: Machine, collectors: dict[str, Collector], upstream: Services, query: Query
) -> None:
    items = upstream.market.mapping(0)
    items[0]["name"] = "x" * 4000
    upstream.answer = lambda *_: items  # type: ignore[method-assign]

    finished = machine.run(collectors["items"])

    assert (finished.status, finished.counts.rejected) == (Status.PARTIAL, 1)
    assert query("SELECT count(*) FROM items") == [(len(items) - 1,)]


def test_the_made_up_item_list_has_a_history(
    machine: Machine, collectors: dict[str, Collector], upstream: Services, query: Query
) -> None:
    upstream.day = 60
    items = replace(collectors["items"], schedule=Every(timedelta(minutes=1)))
    for _ in range(40):
        machine.run(items)
        machine.clock.forward(minutes=1)

    assert query("SELECT DISTINCT field FROM item_history ORDER BY 1") == [
        ("buy_limit",),
        ("name",),
        ("removed_at",),
        ("wiki_url",),
    ]


def test_every_wording_of_a_post_is_kept(
    machine: Machine, collectors: dict[str, Collector], upstream: Services, query: Query
) -> None:
    machine.run(collectors["news"])
    upstream.wording = "Other words"
    machine.clock.forward(minutes=30)
    machine.run(collectors["news"])

    assert query("SELECT count(*), count(DISTINCT guid) FROM osrs_news_revisions") == [(30, 15)]
    assert query(
        "SELECT bool_and(description LIKE '%%Other words%%’') FROM osrs_news WHERE feed = 'official'"
    ) == [(True,)]


def test_changes_of_an_items_page_are_found_with_the_item(
    machine: Machine, collectors: dict[str, Collector], query: Query
) -> None:
    machine.run(collectors["items"])
    machine.run(collectors["news"])

    assert query("SELECT count(*) > 9 FROM osrs_news_items WHERE item_id = 5") == [(True,)]


def test_a_database_that_is_away_leaves_the_tick_open(
    machine: Machine, five: Collector, query: Query, database: Database
) -> None:
    query("ALTER DATABASE gept_test CONNECTION LIMIT 0")
    query("ALTER TABLE price_data_5min RENAME TO away")

    broken = machine.run(five)
    query("ALTER TABLE away RENAME TO price_data_5min")

    assert broken.status is Status.AWAY
    assert query(LEDGER) == []
    assert machine.run(five).status is Status.DONE


def test_a_connection_that_is_lost_costs_at_most_the_tick(
    machine: Machine, five: Collector, query: Query
) -> None:
    machine.run(five)
    query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gept'")

    assert machine.run(five).status is Status.DONE


def test_a_failure_between_rows_and_ledger_leaves_neither(
    machine: Machine, five: Collector, query: Query
) -> None:
    query("ALTER TABLE ledger RENAME COLUMN revisions TO others")

    failed = machine.run(five)

    assert failed.status is Status.AWAY
    assert query("SELECT count(*) FROM price_data_5min") == [(0,)]


def test_a_bug_ends_one_tick_and_not_the_loop(machine: Machine, five: Collector) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    finished = machine.run(replace(five, decode=broken))

    assert finished.status is Status.FAILED
    assert isinstance(finished.error, ZeroDivisionError)


def test_too_few_rows_are_stored_and_told(machine: Machine, five: Collector) -> None:
    finished = machine.run(replace(five, expect=range(1000, 2000)))

    assert finished.status is Status.DONE
    assert finished.warning is not None
    assert "1000 to 1999 are expected" in finished.warning


@pytest.fixture
def players(collectors: dict[str, Collector], upstream: Services) -> Collector:
    upstream.total = 210_000
    return collectors["players"]


def totals(upstream: Services) -> int:
    return len([path for path in upstream.paths() if path.startswith("/player_count.js")])


def test_a_doubtful_count_is_stored_and_told(
    machine: Machine, players: Collector, upstream: Services, query: Query
) -> None:
    upstream.players = 210_001

    finished = machine.run(players)

    assert finished.status is Status.DONE
    assert finished.warning == "210001 players, where both games together have 210000"
    assert query("SELECT count FROM player_counts") == [(210_001,)]


def test_the_witness_is_asked_every_ten_minutes_at_most_and_judges_each_tick(
    machine: Machine, players: Collector, upstream: Services
) -> None:
    warnings = []
    for minute in range(12):
        upstream.players = 131 if minute == 5 else 131_884
        warnings.append(machine.run(players).warning)
        machine.clock.forward(minutes=1)

    assert totals(upstream) == 2
    assert [number for number, warning in enumerate(warnings) if warning] == [5]


@pytest.mark.parametrize("fault", ["status:404", "html", "reset", "status:503", "empty"])
def test_a_witness_that_does_not_answer_costs_nothing(
    fault: str, machine: Machine, players: Collector, upstream: Services
) -> None:
    upstream.fault("/player_count.js", fault, 9)
    upstream.players, upstream.total = 131, 0
    first = machine.run(players)
    asked = totals(upstream)
    machine.clock.forward(minutes=1)
    second = machine.run(players)

    assert [(each.status, each.warning, each.error) for each in (first, second)] == [
        (Status.DONE, None, None)
    ] * 2
    assert totals(upstream) == asked > 0


def test_a_witness_that_hangs_is_left_alone_soon(
    machine: Machine, players: Collector, upstream: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness, "BUDGET", 0.2)
    upstream.fault("/player_count.js", "hang")

    finished = machine.run(players)
    upstream.released.set()

    assert (finished.status, finished.warning) == (Status.DONE, None)
    assert finished.seconds < 4


def test_a_settled_answer_that_takes_much_away_is_believed_when_it_insists_for_a_day(
    machine: Machine, five: Collector, upstream: Services, query: Query
) -> None:
    machine.run(five)
    upstream.missing_items = {str(item) for item, *_ in served("5m", T)[:20]}
    machine.clock.forward(minutes=20)
    first, *_ = soon = [machine.run(five, T) for _ in range(4)]
    machine.clock.forward(days=1)
    late = machine.run(five, T)

    assert [each.status for each in soon] == [Status.REFUSED] * 4
    command = "gept once 5m --at 2026-11-22T12:25:00Z --accept-removals"
    assert f"not believed; if it is true, `{command}` stores it" in str(first.error)
    assert (late.status, late.counts.removed) == (Status.DONE, 20)
    assert query("SELECT status, error, next_try_at FROM ledger") == [("done", None, None)]


def test_what_an_answer_takes_away_is_believed_at_once_by_who_says_so(
    machine: Machine, five: Collector, upstream: Services
) -> None:
    machine.run(five)
    upstream.missing_items = {str(item) for item, *_ in served("5m", T)[:20]}
    machine.clock.forward(minutes=20)
    accepted = machine.runner.run(five, T, accept_removals=True)

    assert (accepted.status, accepted.counts.removed) == (Status.DONE, 20)


def test_a_bucket_that_was_read_before_the_one_it_repeats_is_read_again(
    machine: Machine, five: Collector, upstream: Services, query: Query
) -> None:
    before = T - timedelta(minutes=5)
    machine.clock.forward(days=2)
    upstream.fault("/api/v1/osrs/5m", "repeat")
    wrong = machine.run(five, T)
    assert wrong.status is Status.DONE
    assert query(BUCKETS, T) == served("5m", before)

    machine.run(five, before)
    assert [tick for tick, _ in machine.store.due(five, before, machine.clock())] == [T]
    right = machine.run(five, T)

    assert right.status is Status.DONE
    assert query(BUCKETS, T) == served("5m", T)
    assert query(BUCKETS, before) == served("5m", before)
    assert query("SELECT count(*) FROM ledger WHERE next_try_at IS NOT NULL") == [(0,)]
