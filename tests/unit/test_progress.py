"""How a long command tells of its progress, on a terminal and elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest

from gept.cli import line, progress
from gept.cli.progress import Progress
from gept.errors import UpstreamRefused
from gept.events import Finished
from gept.model import Counts, Status

TICK = datetime(2026, 11, 22, 12, 5, tzinfo=UTC)
DONE = Finished("5m", TICK, Status.DONE, Counts(inserted=100))
FAILED = Finished("5m", TICK, Status.FAILED, error=UpstreamRefused("HTTP 404"))


class Terminal(StringIO):
    """A stream that can be rewritten."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Give a clock: its newest number is the time."""
    clock = [0.0]
    monkeypatch.setattr(progress, "monotonic", lambda: clock[-1])
    monkeypatch.setattr(line, "monotonic", lambda: clock[-1])
    return clock


def test_a_line_tells_requests_rows_and_time(seconds: list[float]) -> None:
    stream = Terminal()
    with Progress("5m", timedelta(seconds=1), stream) as told:
        told.ran(DONE, 100)
        first = stream.getvalue()
        seconds.append(2)
        told.ran(DONE, 99)
    lines = stream.getvalue().split("\r\x1b[K")

    assert "5m: 1 requests done, 100 left, 0 rows/s, 0:01:40 to go" in first
    assert lines[2] == "5m: 2 requests done, 99 left, 50 rows/s, 0:03:18 to go"
    assert lines[3] == "5m: 2 requests done, 200 rows\n"


def test_where_nothing_can_be_rewritten_there_is_a_line_a_minute(seconds: list[float]) -> None:
    stream = StringIO()
    told = Progress("5m", timedelta(seconds=1), stream)
    for second in range(121):
        seconds.append(second)
        told.ran(DONE, 1000 - second)

    assert [each.split(",")[1] for each in stream.getvalue().splitlines()] == [
        " 1000 left",
        " 940 left",
        " 880 left",
    ]


def test_of_several_that_go_wrong_the_first_is_told(seconds: list[float]) -> None:
    stream = StringIO()
    told = Progress("5m", timedelta(seconds=1), stream)
    for finished in (DONE, FAILED, FAILED, DONE, FAILED):
        told.ran(finished, 1)

    failures = [each for each in stream.getvalue().splitlines() if "HTTP 404" in each]
    assert failures == ["5m: 2026-11-22 12:05:00Z failed: HTTP 404"] * 2


def test_a_reason_to_wait_is_told_once_and_does_not_slow_the_count(seconds: list[float]) -> None:
    stream = Terminal()
    told = Progress("5m", timedelta(seconds=1), stream)
    told.ran(DONE, 11)
    told.waits("paused")
    told.waits("paused")
    seconds.append(1000)
    told.ran(DONE, 10)

    assert stream.getvalue().count("5m: paused\n") == 1
    assert stream.getvalue().endswith("10 left, 0 rows/s, 0:00:10 to go")
