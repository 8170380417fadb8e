"""Our clock held against the times that answers tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gept.upstream.clock import skew

NOW = datetime(2026, 11, 22, 12, 31, 20, 600_000, tzinfo=UTC)
DATE = "Sun, 22 Nov 2026 12:31:20 GMT"
SECONDS = st.floats(0, 60)


@pytest.mark.parametrize(
    ("headers", "ahead"),
    [
        ({"Date": DATE}, 0.0),
        ({"Date": "Sun, 22 Nov 2026 12:31:10 GMT"}, 9.6),
        ({"Date": "Sun, 22 Nov 2026 12:31:30 GMT"}, -9.4),
        ({"Date": "Sun, 22 Nov 2026 13:31:20 +0100"}, 0.0),
        ({"Date": "Sun, 22 Nov 2026 12:31:20 -0000"}, 0.0),
        ({"Date": "Sun, 22 Nov 2026 12:30:20 GMT", "Age": "60"}, 0.0),
        ({}, None),
        ({"Age": "60"}, None),
        ({"Date": DATE, "Age": "old"}, None),
        ({"Date": DATE, "Age": "-1"}, None),
        ({"Date": DATE, "Age": "9" * 5000}, None),
        ({"Date": DATE, "Age": "9999999999"}, -9999999998.4),
        ({"Date": "Fri, 31 Dec 9999 23:59:59 GMT", "Age": "9"}, None),
        ({"Date": "Sun, 22 Nov 99999 12:31:20 GMT"}, None),
        ({"Date": "noon"}, None),
        ({"Date": ""}, None),
    ],
)
def test_what_a_source_tells_of_the_time(headers: dict[str, str], ahead: float | None) -> None:
    found = skew(headers, NOW, NOW)

    assert found == (ahead if ahead is None else pytest.approx(ahead, abs=1.01))


@given(SECONDS, SECONDS, st.floats(-86_400, 86_400))
def test_a_clock_is_never_blamed_for_more_than_it_is_wrong(
    there: float, back: float, wrong: float
) -> None:
    told = NOW + timedelta(seconds=there)
    ours = timedelta(seconds=wrong)
    headers = {"Date": format_datetime(told.replace(microsecond=0), usegmt=True)}

    found = skew(headers, NOW + ours, told + timedelta(seconds=back) + ours)

    assert found is not None
    assert found == 0.0 or found * wrong > 0
    assert abs(wrong) - there - back - 1.01 <= abs(found) <= abs(wrong) + 0.001


@given(st.text(max_size=40), st.text(max_size=12))
def test_whatever_the_headers_hold_is_no_error(date: str, age: str) -> None:
    skew({"Date": date, "Age": age}, NOW, NOW)
