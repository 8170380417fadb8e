"""What is complete and what is missing, told by the roll-up of the ledger and never otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from conftest import NOW, Machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from services import Services

from gept import app
from gept.model import Collector, Status
from gept.observe.health import Health
from gept.observe.metrics import Metrics
from gept.schedule import Every
from gept.store import Day, Extent, Gap, Rank, Server, Store
from gept.store.schema.migrate import migrate, shipped

Query = Callable[..., list[Any]]
Span = tuple[datetime, datetime]
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 4
END = BEGIN + timedelta(days=DAYS)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIVE_MINUTES = timedelta(minutes=5)
STATUSES = ("done", "empty", "partial", "not_yet", "refused", "failed", "away")
STEPS = [timedelta(minutes=n) for n in (7, 15, 30, 60, 90, 24 * 60, 36 * 60)]
RECOUNTED = """
    SELECT collector, (tick AT TIME ZONE 'UTC')::date AS day, count(*) FILTER (WHERE status = 'done'),
        count(*) FILTER (WHERE status = 'empty'), count(*) FILTER (WHERE status NOT IN ('done', 'empty')),
        ARRAY(SELECT count(*) FILTER (WHERE extract(hour FROM l.tick AT TIME ZONE 'UTC') = hour)
              FROM generate_series(0, 23) AS hour LEFT JOIN ledger AS l
                ON l.collector = ledger.collector AND l.tick >= min(ledger.tick) AND l.tick <= max(ledger.tick)
              GROUP BY hour ORDER BY hour)
    FROM ledger GROUP BY collector, day ORDER BY collector, day
"""
ROLLED_UP = """
    SELECT collector, day, done, empty, other, hours FROM ledger_days
    WHERE done + empty + other <> 0 ORDER BY collector, day
"""
examples = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def ticks(step: timedelta, since: datetime, until: datetime) -> list[datetime]:
    return list(Every(step).between(since, until))


def enter(query: Query, found: dict[datetime, str], name: str = "5m") -> None:
    query(
        "INSERT INTO ledger (collector, tick, status, error, first_asked_at, asked_at) "
        "SELECT %s, tick, status, status, tick, tick FROM unnest(%s::timestamptz[], %s::text[]) AS given (tick, status)",
        name,
        list(found),
        list(found.values()),
    )


def wanted(query: Query, step: timedelta, *spans: Span, name: str = "5m") -> None:
    ranges = ",".join(f"[{since.isoformat()},{until.isoformat()})" for since, until in spans)
    query("INSERT INTO collectors VALUES (%s, %s, %s)", name, step, f"{{{ranges}}}")


def filled(step: timedelta, since: datetime, until: datetime) -> dict[datetime, str]:
    return dict.fromkeys(ticks(step, since, until), "done")


moments = st.integers(0, DAYS * 24 * 60).map(lambda n: BEGIN + timedelta(minutes=n))
spans = st.tuples(moments, moments).map(lambda ends: (min(ends), max(ends))) | st.just((BEGIN, END))
days = st.integers(0, DAYS - 1).map(lambda n: BEGIN + n * DAY)


@st.composite
def ledgers(draw: st.DrawFn) -> tuple[dict[timedelta, list[Span]], dict[datetime, str]]:
    """Draw what is wanted by one step or two, and a ledger of whole days with exceptions."""
    steps = draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=2, unique=True))
    wants = {step: draw(st.lists(spans, min_size=1, max_size=2)) for step in steps}
    found: dict[datetime, str] = {}
    for step in steps:
        for day in draw(st.sets(days)):
            found |= filled(step, day, day + DAY)
    for tick in draw(st.lists(st.sampled_from(sorted(found)), max_size=12)) if found else []:
        found.pop(tick, None)
    found |= draw(st.dictionaries(moments, st.sampled_from(STATUSES), max_size=12))
    for tick in draw(st.lists(st.sampled_from(sorted(found)), max_size=20)) if found else []:
        found[tick] = draw(st.sampled_from(STATUSES))
    return wants, found


def naive_missing(
    wants: dict[timedelta, list[Span]], found: dict[datetime, str], span: Span
) -> Iterator[tuple[timedelta, datetime, str]]:
    """Look at each tick: what the database must tell without doing so."""
    for step, ranges in wants.items():
        asked = {
            tick
            for since, until in ranges
            for tick in ticks(step, max(since, span[0]), min(until, span[1]))
        }
        for tick in sorted(asked):
            if (cause := found.get(tick, "not_asked")) not in {"done", "empty"}:
                yield step, tick, cause


def naive_gaps(
    wants: dict[timedelta, list[Span]], found: dict[datetime, str], span: Span
) -> list[Gap]:
    gaps: dict[tuple[timedelta, str, datetime], Gap] = {}
    for step, tick, cause in naive_missing(wants, found, span):
        before = gaps.pop((step, cause, tick), Gap(tick, tick, 0, cause, None))
        error = None if cause == "not_asked" else cause
        gaps[step, cause, tick + step] = replace(
            before, until=tick + step, ticks=before.ticks + 1, error=error
        )
    return sorted(gaps.values(), key=ordered)


def ordered(gap: Gap) -> tuple[datetime, str, datetime, int]:
    return gap.since, gap.cause, gap.until, gap.ticks


@examples
@given(ledgers(), spans)
def test_gaps_are_what_a_look_at_each_tick_finds(
    store: Store,
    query: Query,
    collectors: dict[str, Collector],
    drawn: tuple[dict[timedelta, list[Span]], dict[datetime, str]],
    span: Span,
) -> None:
    wants, found = drawn
    query("TRUNCATE ledger, collectors")
    for step, ranges in wants.items():
        wanted(query, step, *ranges)
    enter(query, found)
    missing = list(naive_missing(wants, found, span))
    per_day: dict[date, int] = {}
    for _, tick, _ in missing:
        per_day[tick.date()] = per_day.get(tick.date(), 0) + 1

    gaps = store.gaps(collectors["5m"], *span)
    told = store.days(collectors["5m"], *span)

    assert sorted(gaps, key=ordered) == naive_gaps(wants, found, span)
    assert store.count_missing(collectors["5m"], *span)[0] == len(missing)
    assert {each.day: each.missing for each in told if each.missing} == per_day
    assert all(each.wanted == each.done + each.empty + each.missing for each in told)


changes = st.lists(
    st.tuples(
        st.sampled_from(["enter", "delete"]),
        st.dictionaries(moments, st.sampled_from(STATUSES), max_size=8),
    ),
    max_size=6,
)


@examples
@given(changes)
def test_the_roll_up_follows_whatever_happens_to_the_ledger(
    query: Query, drawn: list[tuple[str, dict[datetime, str]]]
) -> None:
    query("TRUNCATE ledger")
    for what, found in drawn:
        if what == "delete":
            query("DELETE FROM ledger WHERE tick = ANY(%s)", [*found])
            continue
        query(
            "INSERT INTO ledger (collector, tick, status, first_asked_at, asked_at) "
            "SELECT 'x', tick, status, tick, tick FROM unnest(%s::timestamptz[], %s::text[]) AS given (tick, status) "
            "ON CONFLICT (collector, tick) DO UPDATE SET status = excluded.status",
            list(found),
            list(found.values()),
        )

    assert query(ROLLED_UP) == query(RECOUNTED)


def test_two_writers_of_one_day_both_count(address: str, query: Query) -> None:
    insert = (
        "INSERT INTO ledger (collector, tick, status, first_asked_at, asked_at) "
        "VALUES ('5m', %s, 'done', now(), now())"
    )
    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(address) as one,
        psycopg.connect(address, autocommit=True) as other,
    ):
        one.execute(insert, (BEGIN,))
        waiting = pool.submit(other.execute, insert, (BEGIN + HOUR,))
        one.commit()
        waiting.result(30)

    assert query(ROLLED_UP) == query(RECOUNTED)
    assert query("SELECT done FROM ledger_days") == [(2,)]


def test_days_are_touched_in_order_so_that_no_circle_of_writers_waits(
    address: str, query: Query
) -> None:
    every = ticks(DAY, BEGIN, BEGIN + 9 * DAY)
    enter(query, dict.fromkeys([*every[::2], *every[1::2]], "failed"))
    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(address) as holder,
        psycopg.connect(address, autocommit=True) as writer,
    ):
        holder.execute("SELECT FROM ledger_days WHERE day = %s FOR UPDATE", (every[4].date(),))
        writing = pool.submit(writer.execute, "UPDATE ledger SET status = 'done'")
        while not query("SELECT pid FROM pg_locks WHERE NOT granted"):
            assert not writing.done()
        free = query("SELECT day FROM ledger_days ORDER BY day FOR UPDATE SKIP LOCKED")
        holder.commit()
        writing.result(30)

    assert free == [(tick.date(),) for tick in every[5:]]
    assert query(ROLLED_UP) == query(RECOUNTED)


def test_an_update_that_changes_no_count_writes_nothing(query: Query) -> None:
    enter(query, filled(HOUR, BEGIN, END))
    before = query("SELECT xmin::text, ctid::text FROM ledger_days")

    query("UPDATE ledger SET settled = true")

    assert query("SELECT xmin::text, ctid::text FROM ledger_days") == before


def test_the_migration_counts_what_is_there(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE gept_old")
    before = [each for each in shipped() if each.number < 6]
    with monkeypatch.context() as older:
        older.setattr("gept.store.schema.migrate.shipped", lambda *_: before)
        migrate(postgres.url("gept_old"))

    with psycopg.connect(postgres.url("gept_old"), autocommit=True) as connection:

        def ask(text: Any, *values: Any) -> list[Any]:
            cursor = connection.execute(text, values)
            return cursor.fetchall() if cursor.description else []

        enter(ask, filled(HOUR, BEGIN, END) | {BEGIN: "failed", END: "empty"})
        ask("INSERT INTO collectors VALUES ('latest', '1 min', '{[2026-01-01Z,)}')")
        migrate(postgres.url("gept_old"))

        assert len(ask(ROLLED_UP)) == DAYS + 1
        assert ask(ROLLED_UP) == ask(RECOUNTED)
        assert ask("SELECT tables FROM collectors") == [(["prices_latest_1m", "prices_current"],)]


def rows_read(plan: dict[str, Any], table: str) -> int:
    """Return how many rows of a table a plan has looked at."""
    own = 0
    if plan.get("Relation Name") == table:
        seen = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
        own = int(seen * plan["Actual Loops"])
    return own + sum(rows_read(each, table) for each in plan.get("Plans", []))


def test_complete_days_are_not_read(query: Query) -> None:
    found = filled(FIVE_MINUTES, BEGIN, BEGIN + 60 * DAY)
    del found[BEGIN + 20 * DAY + 7 * HOUR]
    found[BEGIN + 30 * DAY] = "failed"
    wanted(query, FIVE_MINUTES, (BEGIN, BEGIN + 400 * DAY))
    enter(query, found)
    query("ANALYZE ledger, ledger_days, collectors")

    def read(call: str) -> int:
        explained = query(
            f"EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM {call}('5m', %s, %s)",
            BEGIN,
            BEGIN + 400 * DAY,
        )
        return rows_read(explained[0][0][0]["Plan"], "ledger")

    assert read("gaps") < 20
    assert read("days_of") == 0


def test_the_time_zone_of_the_reader_does_not_matter(query: Query) -> None:
    spring = datetime(2026, 3, 28, tzinfo=UTC)
    for step, name in ((DAY, "items"), (FIVE_MINUTES, "5m")):
        wanted(query, step, (spring, spring + 5 * DAY), name=name)
        enter(query, filled(step, spring + DAY, spring + 4 * DAY), name)
    names = ("items", "5m")
    told = [query("SELECT * FROM gaps(%s, '2026-01-01Z', '2026-12-01Z')", name) for name in names]
    days = query("SELECT * FROM completeness ORDER BY 1, 2")

    query("SET timezone = 'Europe/Berlin'")

    assert told == [
        query("SELECT * FROM gaps(%s, '2026-01-01Z', '2026-12-01Z')", name) for name in names
    ]
    assert days == query("SELECT * FROM completeness ORDER BY 1, 2")
    assert [gap[2] for gap in told[0]] == [1, 1]


def test_a_look_for_ever_ends(query: Query, store: Store) -> None:
    wanted(query, DAY, (BEGIN, END))
    query("UPDATE collectors SET wanted = '{[2026-01-01Z,)}'")

    assert len(query("SELECT * FROM gaps('5m', '-infinity', 'infinity')")) == 1


@pytest.fixture
def five(collectors: dict[str, Collector], machine: Machine) -> Collector:
    collector = collectors["5m"]
    newest = collector.schedule.newest(NOW)
    machine.store.begin(collector, newest - HOUR, NOW)
    return collector


def test_complete_until_is_the_first_tick_that_is_not_there(
    machine: Machine, five: Collector, query: Query
) -> None:
    newest = five.schedule.newest(NOW)
    begin = newest - HOUR
    untouched = machine.store.extent(five)
    for tick in ticks(FIVE_MINUTES, begin, newest):
        if tick != begin + 3 * FIVE_MINUTES:
            machine.run(five, tick)
    broken = machine.store.extent(five)
    machine.run(five, begin + 3 * FIVE_MINUTES)
    whole = machine.store.extent(five)

    assert untouched == Extent(begin, None)
    assert broken == Extent(begin + 3 * FIVE_MINUTES, begin + 4 * FIVE_MINUTES)
    assert whole == Extent(newest, begin)
    assert query("SELECT table_name, complete_until, newest_good FROM complete_until") == [
        ("price_data_5min", newest, newest - FIVE_MINUTES)
    ]


def test_complete_until_of_what_is_wanted_no_more(
    machine: Machine, collectors: dict[str, Collector]
) -> None:
    begin = datetime(2026, 11, 1, tzinfo=UTC)
    five = collectors["5m"]
    machine.store.want(five, begin, begin + FIVE_MINUTES)
    machine.run(five, begin)

    assert machine.store.extent(five) == Extent(begin + FIVE_MINUTES, begin)
    assert machine.store.extent(collectors["hourly"]) == Extent()


def test_each_table_has_its_row(
    machine: Machine, collectors: dict[str, Collector], query: Query
) -> None:
    for collector in collectors.values():
        machine.store.begin(collector, collector.schedule.newest(NOW), NOW)

    assert query("SELECT table_name FROM complete_until ORDER BY 1") == [
        (name,)
        for name in (
            "items",
            "osrs_news",
            "player_counts",
            "price_data_5min",
            "prices_1h",
            "prices_current",
            "prices_latest_1m",
        )
    ]


def test_hours_are_complete_when_all_of_it_is_there(
    machine: Machine, five: Collector, query: Query
) -> None:
    begin = datetime(2026, 11, 20, tzinfo=UTC)
    machine.store.want(five, begin + HOUR / 2, begin + 4 * HOUR)
    enter(query, filled(FIVE_MINUTES, begin + HOUR / 2, begin + 3 * HOUR))
    query("UPDATE ledger SET settled = true WHERE tick < %s", begin + 2 * HOUR)
    query("DELETE FROM ledger WHERE tick = %s", begin + 2.5 * HOUR)
    query("UPDATE ledger SET status = 'empty' WHERE tick = %s", begin + 1.5 * HOUR)

    hours = query(
        "SELECT hour, wanted, missing, complete, final FROM complete_hours('5m', %s, %s)",
        begin + HOUR / 4,
        begin + 4 * HOUR,
    )

    assert hours == [
        (begin, 6, 0, False, False),
        (begin + HOUR, 12, 0, True, True),
        (begin + 2 * HOUR, 12, 1, False, False),
        (begin + 3 * HOUR, 12, 12, False, False),
    ]


def test_days_are_told_with_their_share(query: Query, collectors: dict[str, Collector]) -> None:
    wanted(query, HOUR, (BEGIN + 12 * HOUR, BEGIN + 2 * DAY))
    enter(query, filled(HOUR, BEGIN + 12 * HOUR, BEGIN + DAY + 6 * HOUR) | {BEGIN + DAY: "empty"})

    assert query(
        "SELECT day, wanted, done, empty, missing, share FROM completeness ORDER BY day"
    ) == [
        (date(2026, 1, 1), 12, 12, 0, 0, 1),
        (date(2026, 1, 2), 24, 5, 1, 18, 0.25),
    ]


def test_what_is_not_due_is_not_missing(
    machine: Machine, collectors: dict[str, Collector], query: Query
) -> None:
    hourly = replace(collectors["hourly"], schedule=Every(HOUR, delay=timedelta(days=1)))
    [(now,)] = query("SELECT now()")
    machine.store.begin(hourly, now - HOUR, now)

    assert query("SELECT * FROM completeness") == []


def test_a_start_declares_anew_and_wants_no_more_than_before(
    machine: Machine, five: Collector, query: Query
) -> None:
    before = query("SELECT wanted FROM collectors")
    later = replace(five, schedule=Every(FIVE_MINUTES, delay=HOUR))

    machine.store.begin(later, NOW - 20 * DAY, NOW)

    assert query("SELECT wanted FROM collectors") == before
    assert query("SELECT delay FROM collectors") == [(HOUR,)]


def test_what_was_closed_as_empty_can_be_reopened(
    machine: Machine, five: Collector, upstream: Services, query: Query
) -> None:
    begin = datetime(2021, 3, 8, 8, tzinfo=UTC)
    hole = f"/api/v1/osrs/5m?timestamp={int(begin.timestamp())}"
    machine.store.want(five, begin, begin + FIVE_MINUTES)
    upstream.fault(hole, "empty", 4)
    for _ in range(3):
        last = machine.run(five, begin)
        machine.clock.forward(hours=13)

    closed = machine.store.gaps(five, begin, begin + HOUR)
    reopened = machine.store.reopen(five, begin, begin + HOUR)
    opened = machine.store.gaps(five, begin, begin + HOUR)
    due = machine.store.due(five, begin, machine.clock(), 1)
    again = machine.run(five, begin)
    machine.store.reopen(five, begin, begin + HOUR)
    found = machine.run(five, begin)

    assert (last.status, closed, reopened) == (Status.EMPTY, [], 1)
    assert [(gap.ticks, gap.cause) for gap in opened] == [(1, "not_yet")]
    assert due == [(begin, Rank.CORRECTION)]
    assert again.status is Status.EMPTY
    assert found.status is Status.DONE


def test_what_the_database_missed_is_told(machine: Machine, five: Collector, query: Query) -> None:
    newest = five.schedule.newest(NOW)
    machine.run(five, newest - 2 * FIVE_MINUTES)
    away = (newest - HOUR - DAY, newest, NOW, "StoreAway: it was restarted")

    assert machine.store.was_away(five, *away) == 11
    assert machine.store.was_away(five, *away) == 0

    gaps = machine.store.gaps(five, newest - DAY, newest)
    assert [(gap.ticks, gap.cause, gap.error) for gap in gaps] == [
        (10, "away", "StoreAway: it was restarted"),
        (1, "away", "StoreAway: it was restarted"),
    ]
    assert machine.store.due(five, newest - DAY, NOW, 1) == [
        (newest - FIVE_MINUTES, Rank.CORRECTION)
    ]
    machine.run(five, newest - FIVE_MINUTES)
    assert query("SELECT status, attempts FROM ledger WHERE tick = %s", newest - FIVE_MINUTES) == [
        ("done", 1)
    ]


def test_minutes_that_are_gone_are_not_asked_for(
    machine: Machine, collectors: dict[str, Collector], query: Query
) -> None:
    latest = collectors["latest"]
    newest = latest.schedule.newest(NOW)
    machine.store.begin(latest, newest - HOUR, NOW)

    assert machine.store.was_away(latest, newest - HOUR, newest, NOW, "away") == 60
    assert query("SELECT count(next_try_at) FROM ledger") == [(0,)]


def test_completeness_is_a_metric_where_it_is_known(
    machine: Machine,
    five: Collector,
    collectors: dict[str, Collector],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app, "now", machine.clock)
    chosen = [five, collectors["items"]]
    health = Health(chosen, machine.clock)
    metrics = Metrics(chosen, health, machine.clock)
    before = metrics.scrape().decode()
    newest = five.schedule.newest(NOW)
    for tick in ticks(FIVE_MINUTES, newest - HOUR / 2, newest):
        machine.run(five, tick)
    machine.clock.forward(minutes=5)

    app.watch(machine.store, health, timedelta(days=400))

    after = metrics.scrape().decode()
    assert "gept_completeness_ratio{" not in before
    assert 'gept_completeness_ratio{collector="5m",window="1h"} 0.5\n' in after
    assert 'gept_completeness_ratio{collector="5m",window="7d"} 0.5\n' in after
    assert 'gept_completeness_ratio{collector="items"' not in after


def test_days_of_the_store(machine: Machine, five: Collector) -> None:
    newest = five.schedule.newest(NOW)
    machine.run(five, newest - FIVE_MINUTES)

    assert machine.store.days(five, BEGIN, newest) == [Day(newest.date(), 12, 1, 0, 11)]
