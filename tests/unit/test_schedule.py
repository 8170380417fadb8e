"""Ticks and pauses: arithmetic."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gept.schedule import Every, pause

FIVE = Every(timedelta(minutes=5), delay=timedelta(minutes=5, seconds=12))
MOMENTS = st.datetimes(datetime(2013, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-22T{text}+00:00")


@pytest.mark.parametrize(
    ("now", "newest"),
    [("12:05:11", "11:55:00"), ("12:05:12", "12:00:00"), ("12:10:11", "12:00:00")],
)
def test_a_bucket_may_be_asked_for_when_it_is_published(now: str, newest: str) -> None:
    assert FIVE.newest(at(now)) == at(newest)


@given(MOMENTS)
def test_the_newest_tick_is_due_and_the_next_one_is_not(now: datetime) -> None:
    tick = FIVE.newest(now)

    assert FIVE.due(tick) <= now < FIVE.due(FIVE.following(tick))
    assert FIVE.floor(tick) == FIVE.ceil(tick) == tick


def test_between_is_half_open() -> None:
    ticks = list(FIVE.between(at("12:01:00"), at("12:15:00")))

    assert ticks == [at("12:05:00"), at("12:10:00")]


LENGTHS = st.timedeltas(timedelta(0), timedelta(days=3000))
QUICK = timedelta(seconds=4)


@given(LENGTHS)
def test_pauses_are_quick_at_first_and_grow_with_the_trying(trying: timedelta) -> None:
    length = pause(trying, QUICK)

    assert QUICK <= length <= timedelta(hours=6)
    assert trying >= timedelta(minutes=2) or length == QUICK


def test_a_bucket_that_is_a_day_late_costs_few_requests() -> None:
    trying, asked = timedelta(0), 0
    while trying < timedelta(days=1):
        trying, asked = trying + pause(trying, QUICK), asked + 1

    assert asked < 110
