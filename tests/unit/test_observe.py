"""What watchers make of events: health, metrics, logs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from gept.errors import StoreAway, StoreBroken, UpstreamRefused
from gept.events import NO_ROOM, Dropped, Fetched, Finished, Retried
from gept.model import Collector, Counts, Kind, Rejected, Request, Status
from gept.observe.health import Health
from gept.observe.logs import Logs
from gept.observe.metrics import Metrics
from gept.sources import PRICES
from gept.store import Process, Standing

NOW = datetime(2026, 11, 22, 12, 31, 20, tzinfo=UTC)
T = datetime(2026, 11, 22, 12, 25, tzinfo=UTC)
DONE = Finished("5m", T, Status.DONE, Counts(inserted=5, unchanged=1), 0.5, committed=NOW)
FAILED = Finished("5m", T, Status.FAILED, error=UpstreamRefused("HTTP 404"))
Logged = Callable[..., list[tuple[str, str | None]]]


class Clock:
    """A clock that a test moves."""

    at = NOW

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(collectors: dict[str, Collector], clock: Clock) -> Health:
    health = Health([collectors["5m"]], clock)
    health.database(None)
    return health


def test_without_a_good_tick_it_is_not_healthy(health: Health) -> None:
    assert health.troubles() == ["5m: no good tick yet"]
    health(FAILED)
    assert health.troubles() == ["5m: no good tick yet; last error: HTTP 404"]


def test_it_is_healthy_until_the_next_tick_is_overdue(health: Health, clock: Clock) -> None:
    health(DONE)
    assert health.troubles() == []

    clock.at = T + timedelta(minutes=15, seconds=11)
    assert health.troubles() == []
    clock.at += timedelta(seconds=1)
    assert health.troubles() == ["5m: the newest good tick is of 2026-11-22T12:25:00Z"]


def test_running_without_data_is_not_health(health: Health, clock: Clock) -> None:
    health(DONE)
    clock.at += timedelta(minutes=30)
    health(replace(FAILED, tick=T + timedelta(minutes=25)))

    assert "last error: HTTP 404" in health.troubles()[0]


def test_a_fleet_is_healthy_when_a_process_leads_each_collector(health: Health) -> None:
    def process(*leads: str) -> Process:
        return Process(UUID(int=1), "one", 7, "0.1.0", T, NOW, ["5m", "items"], [*leads], {}, 0)

    health(DONE)
    health.fleet([process(), process("5m")])
    assert health.troubles() == []
    health.fleet([process("items")])
    assert health.troubles() == ["5m: each process that follows it stands by; see their logs"]
    health.fleet([])
    assert health.troubles() == ["5m: no process follows it; start gept collect 5m"]


@pytest.mark.parametrize("status", [Status.AWAY, Status.SPOOLED])
def test_what_the_database_does_not_take_is_told_at_once(health: Health, status: Status) -> None:
    health(DONE)
    full = StoreAway("its disk is full")
    health(replace(DONE, tick=T + timedelta(minutes=5), status=status, error=full, committed=None))
    told = health.troubles()
    health(replace(DONE, tick=T + timedelta(minutes=10)))

    assert told == ["5m: the database did not take the newest tick; last error: its disk is full"]
    assert health.troubles() == []


def test_what_waits_behind_others_has_a_reason_too(health: Health) -> None:
    health(DONE)
    health(replace(DONE, tick=T + timedelta(minutes=5), status=Status.SPOOLED, committed=None))

    assert health.states["5m"].error == "the database has not taken it yet"
    assert "None" not in str(health.troubles())


def test_a_good_old_tick_does_not_make_it_fresh(health: Health) -> None:
    health(replace(DONE, tick=T - timedelta(days=1)))

    assert "newest good tick is of 2026-11-21" in health.troubles()[0]


def test_a_failed_old_tick_says_nothing_of_the_newest(health: Health) -> None:
    health(DONE)
    health(replace(FAILED, tick=T - timedelta(hours=1)))

    assert health.states["5m"].error is None


def test_a_database_that_is_away_is_not_healthy(health: Health) -> None:
    health(DONE)
    health.database("gone")

    assert health.troubles() == ["database: gone"]


def test_what_lies_in_the_future_is_not_fresh(health: Health, clock: Clock) -> None:
    health(replace(DONE, tick=T + timedelta(days=1)))
    health(replace(FAILED, tick=T))

    assert health.troubles() == ["5m: no good tick yet; last error: HTTP 404"]


def test_the_reason_is_told_by_a_process_that_did_not_see_it(health: Health) -> None:
    health.found(
        "5m", Standing(T - timedelta(days=1), None, None, T, "failed", "HTTP 404", 3, 0), 3
    )

    assert health.troubles()[0].endswith("last error: HTTP 404")


def test_the_ledger_tells_what_was_before_the_start(health: Health) -> None:
    health.found("5m", Standing(T, T, NOW, T, "done", None, 1, 6), 3)

    assert health.troubles() == []
    assert health.states["5m"].missing == 3


@pytest.fixture
def metrics(collectors: dict[str, Collector], health: Health, clock: Clock) -> Metrics:
    return Metrics([collectors["5m"]], health, clock)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_nothing_is_claimed_before_it_is_known(metrics: Metrics) -> None:
    assert value(metrics, "gept_5m_last_timestamp") is None
    assert value(metrics, "gept_lag_seconds", collector="5m") is None
    assert value(metrics, "gept_5m_requests_total", status="error") == 0


def test_a_tick_is_counted_by_the_names_of_the_specification(
    metrics: Metrics, health: Health
) -> None:
    for watch in (metrics, health):
        watch(DONE)

    assert value(metrics, "gept_5m_requests_total", status="success") == 1
    assert value(metrics, "gept_5m_items_total") == 6
    assert value(metrics, "gept_5m_duration_seconds_sum") == 0.5
    assert value(metrics, "gept_5m_last_timestamp") == NOW.timestamp()
    assert value(metrics, "gept_rows_total", collector="5m", outcome="inserted") == 5
    assert value(metrics, "gept_lag_seconds", collector="5m") == 0


def test_an_old_bucket_does_not_make_the_newest_look_new(metrics: Metrics, health: Health) -> None:
    health(DONE)
    health(replace(DONE, tick=T - timedelta(days=1), committed=NOW + timedelta(hours=1)))

    assert value(metrics, "gept_5m_last_timestamp") == NOW.timestamp()


def test_failures_and_late_buckets_are_told_apart(metrics: Metrics, health: Health) -> None:
    metrics(FAILED)
    metrics(replace(FAILED, status=Status.NOT_YET))

    assert value(metrics, "gept_5m_requests_total", status="error") == 1
    assert value(metrics, "gept_5m_requests_total", status="not_yet") == 1
    assert value(metrics, "gept_5m_requests_total", status="success") == 0


def test_requests_revisions_and_warnings(metrics: Metrics) -> None:
    request = Request(PRICES, "/5m")
    metrics(Fetched(request, 200, 0.2, 1000))
    metrics(Retried(request, None, 1))
    metrics(replace(DONE, again=True, counts=Counts(updated=2, removed=1), warning="few"))

    assert value(metrics, "gept_http_responses_total", source="prices", status="200") == 1
    assert value(metrics, "gept_http_response_bytes_total", source="prices") == 1000
    assert value(metrics, "gept_http_seconds_sum", source="prices") == 0.2
    assert value(metrics, "gept_http_retries_total", source="prices") == 1
    assert value(metrics, "gept_revisions_total", collector="5m") == 3
    assert value(metrics, "gept_unexpected_total", collector="5m") == 1


LATEST = Request(PRICES, "/latest")
RIGHT, WRONG = Fetched(LATEST, 200, 0.1, 9, 0.4), Fetched(LATEST, 200, 0.1, 9, -7.5)
SILENT = Fetched(LATEST, 0, 0.1, 0)


def test_the_skew_of_our_clock_is_a_series(metrics: Metrics) -> None:
    assert value(metrics, "gept_clock_skew_seconds", source="prices") is None
    for event in (WRONG, SILENT):
        metrics(event)

    assert value(metrics, "gept_clock_skew_seconds", source="prices") == -7.5


def test_a_wrong_clock_is_a_warning_and_not_unhealthy(health: Health) -> None:
    for event in (DONE, RIGHT):
        health(event)
    assert health.warnings() == []
    for event in (WRONG, SILENT):
        health(event)

    assert health.troubles() == []
    assert health.warnings() == ["clock: ours is 7 s or more behind that of prices; set it right"]
    health(replace(WRONG, skew=5.0))
    assert health.warnings() == []


def test_a_wrong_clock_is_logged_once_and_once_when_it_is_right_again(logged: Logged) -> None:
    still = replace(WRONG, skew=9.0)

    assert logged(RIGHT, WRONG, SILENT, still, RIGHT, RIGHT) == [
        ("clock is wrong", None),
        ("clock is right again", None),
    ]


def test_rejected_entries_are_counted_by_kind(metrics: Metrics) -> None:
    rejected = tuple(Rejected(str(n), "r", None, Kind.NULL_ENTRY) for n in range(3))
    metrics(replace(FAILED, status=Status.REFUSED, rejected=(*rejected, Rejected("4", "r"))))

    assert value(metrics, "gept_rejected_total", collector="5m", kind="null_entry") == 3
    assert value(metrics, "gept_rejected_total", collector="5m", kind="other") == 1
    assert value(metrics, "gept_rejected_total", collector="5m", kind="bad_id") == 0


def test_schema_drift_is_that_of_the_newest_answer_that_was_read(
    metrics: Metrics, health: Health
) -> None:
    def drift(event: Finished) -> float | None:
        health(event)
        return value(metrics, "gept_schema_drift", collector="5m")

    assert drift(FAILED) is None
    assert drift(replace(DONE, drift=("a: new", "b: new"))) == 2
    assert drift(FAILED) == 2
    assert drift(replace(DONE, tick=T - timedelta(hours=1), drift=())) == 2
    assert drift(replace(DONE, drift=())) == 0


def test_two_machines_may_live_in_one_process(
    collectors: dict[str, Collector], health: Health, clock: Clock
) -> None:
    Metrics(collectors.values(), health, clock)
    Metrics(collectors.values(), health, clock)


def records(caplog: pytest.LogCaptureFixture, *events: Any) -> list[logging.LogRecord]:
    """Return what is logged of events."""
    logs = Logs()
    caplog.clear()
    with caplog.at_level(logging.INFO, "gept"):
        for event in events:
            logs(event)
    return caplog.records


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Logged:
    """Give what tells which lines events become, and the error in each."""
    return lambda *events: [
        (each.getMessage(), vars(each)["about"].get("error")) for each in records(caplog, *events)
    ]


def test_breaks_and_recoveries_are_logged_and_not_every_failure(logged: Logged) -> None:
    later = replace(DONE, tick=T + timedelta(minutes=5))

    assert logged(DONE, FAILED, FAILED, FAILED, later) == [
        ("stored", None),
        ("collector broke", "HTTP 404"),
        ("collector recovered", None),
        ("stored", None),
    ]


def test_a_bucket_that_is_late_is_no_break_and_a_settled_one_no_news(logged: Logged) -> None:
    late = replace(FAILED, status=Status.NOT_YET)

    assert logged(late, late, replace(DONE, again=True, counts=Counts(unchanged=6))) == []
    assert logged(replace(DONE, again=True, counts=Counts(updated=1))) == [("revised", None)]


def test_an_old_tick_that_fails_is_a_gap_and_no_break(logged: Logged) -> None:
    assert logged(DONE, replace(FAILED, tick=T - timedelta(hours=1))) == [("stored", None)]


def test_schema_drift_is_logged_once_for_each_change_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def after(drift: tuple[str, ...] | None) -> Finished:
        return replace(DONE, again=True, counts=Counts(), drift=drift)

    old = replace(after(("old: new",)), tick=T - timedelta(days=1))
    events = [
        after(()),
        after(("a",)),
        after(("a",)),
        after(None),
        old,
        after(("b", "a")),
        after(("a", "b")),
        after(()),
        after(()),
    ]
    told = [
        (each.getMessage(), each.levelname, vars(each)["about"].get("differences"))
        for each in records(caplog, *events)
    ]

    assert told == [
        ("schema drift", "WARNING", ["a"]),
        ("schema drift", "WARNING", ["b", "a"]),
        ("schema as known again", "INFO", None),
    ]


def test_a_bug_is_logged_with_its_traceback(logged: Logged) -> None:
    assert [event for event, _ in logged(replace(FAILED, error=ZeroDivisionError()))] == [
        "collector broke",
        "bug",
    ]


def test_a_partial_tick_tells_what_was_rejected() -> None:
    rejected = (Rejected("3", "Expected int", None),)
    partial = replace(FAILED, status=Status.PARTIAL, rejected=rejected)

    assert partial.trouble == "HTTP 404"


def test_a_full_spool_is_told_until_there_is_room_again(health: Health) -> None:
    health(DONE)
    health(Dropped("latest", T))
    health.spool([], 0, room=False)
    full = health.troubles()
    health.spool([], 0, room=True)

    assert full[0].startswith("spool: full; 1 answers were given up, the last one at ")
    assert full[0].endswith("; bring the database back, or raise GEPT_SPOOL_LIMIT")
    assert health.troubles() == []
    assert health.spooled.dropped == 1


def test_a_full_disk_is_not_told_as_a_full_spool(
    health: Health, caplog: pytest.LogCaptureFixture
) -> None:
    health(DONE)
    health(Dropped("latest", T, NO_ROOM))
    full = health.troubles()
    health.spool([], 0, room=True)
    Logs()(Dropped("latest", T, NO_ROOM))
    [told] = caplog.records

    assert full[0].startswith("spool: the disk of DATA_DIR is full; 1 answers were given up, ")
    assert full[0].endswith("; make room on the disk of DATA_DIR")
    assert vars(told)["about"]["reason"] == "the disk of DATA_DIR is full"
    assert vars(told)["about"]["remedy"] == "make room on the disk of DATA_DIR"
    assert health.troubles() == []


def test_a_disk_that_refused_an_answer_is_told_whatever_room_there_is(health: Health) -> None:
    health(DONE)
    health(Dropped("latest", T, "read-only file system"))
    health.spool([], 0, room=True)

    assert health.troubles()[0].startswith("spool: read-only file system; 1 answers")


def test_a_collector_that_a_fault_has_stopped_is_unhealthy_until_it_commits(health: Health) -> None:
    broken = StoreBroken("no column high; run `gept db migrate`")
    older = replace(FAILED, tick=T - timedelta(hours=1), status=Status.AWAY, error=broken)
    health(DONE)
    assert health.troubles() == []
    health(older)
    stopped = health.troubles()
    health(DONE)

    assert stopped == [f"5m: stopped until this is mended: {broken}"]
    assert health.troubles() == []
