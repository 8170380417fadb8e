"""The lines of the log, as they reach standard error."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from gept.observe import logs

ESCAPES = "\x1b[2J\x9b2J\r\x07\u202e"


class Stream(io.StringIO):
    """A standard error that remembers each call; it may be a terminal, and refuse some."""

    def __init__(self, *, terminal: bool = False) -> None:
        super().__init__()
        self._terminal = terminal
        self.refuses = 0
        self.calls: list[str] = []

    def isatty(self) -> bool:
        return self._terminal

    def write(self, text: str) -> int:
        if self.refuses:
            self.refuses -= 1
            raise OSError(28, "No space left on device")
        self.calls.append(text)
        return super().write(text)


@pytest.fixture(autouse=True)
def left_as_it_was() -> Iterator[None]:
    """Take back what configuring the log does to the process."""
    root, gept = logging.root.handlers[:], logging.getLogger("gept").level
    yield
    logging.root.handlers = root
    logging.getLogger("gept").setLevel(gept)
    logging.getLogger("psycopg.pool").disabled = False
    logging.raiseExceptions = True


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Stream]:
    """Give what configures the log for a new standard error."""

    def configure(*, terminal: bool = False) -> Stream:
        stream = Stream(terminal=terminal)
        monkeypatch.setattr(sys, "stderr", stream)
        logs.configure()
        return stream

    return configure


@pytest.fixture
def written(configured: Callable[..., Stream]) -> Stream:
    """Give what reaches a standard error that is a file."""
    return configured()


@pytest.fixture
def shown(configured: Callable[..., Stream]) -> Stream:
    """Give what reaches a terminal."""
    return configured(terminal=True)


def only(stream: Stream) -> dict[str, Any]:
    (line,) = stream.getvalue().splitlines()
    told: dict[str, Any] = json.loads(line)
    return told


def tell_a_bug() -> None:
    """Log what is wrong with a division by zero."""
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError as error:
        logs.get_logger().error("bug", collector="5m", exc_info=error)


def test_a_line_is_one_object_with_event_level_time_and_what_is_known(written: Stream) -> None:
    before = datetime.now(UTC)
    logs.get_logger().info("stored", collector="5m", inserted=5, name="x", args=(1, "a"))
    told = only(written)
    at = told.pop("timestamp")

    assert told == {
        "event": "stored",
        "level": "info",
        "collector": "5m",
        "inserted": 5,
        "name": "x",
        "args": [1, "a"],
    }
    assert at.endswith("Z")
    assert before <= datetime.fromisoformat(at) <= datetime.now(UTC)


def test_what_json_does_not_know_is_written_as_text(written: Stream) -> None:
    values = {"at": datetime(2026, 1, 1, tzinfo=UTC), "file": Path("/a b"), "error": OSError("x")}
    logs.get_logger().warning("odd", **values, odd="\udc80")
    told = only(written)

    assert {name: told[name] for name in values} == {k: str(v) for k, v in values.items()}
    assert (told["odd"], told["level"]) == ("\udc80", "warning")


def test_no_value_breaks_out_of_its_line(written: Stream) -> None:
    event = f'a"}}\n{ESCAPES}'
    logs.get_logger().error(event, error=f'b"}}\n{{"event": 1}}{ESCAPES}\u2028')

    assert written.getvalue().isascii()
    assert only(written)["error"].endswith("\u2028")


def test_an_event_with_a_per_cent_sign_is_told_as_it_is(written: Stream) -> None:
    logs.get_logger().warning("100 %s of %(x)d")

    assert only(written)["event"] == "100 %s of %(x)d"


def test_a_bug_has_its_traceback(written: Stream) -> None:
    tell_a_bug()
    told = only(written)

    assert (told["event"], told["level"], told["collector"]) == ("bug", "error", "5m")
    assert told["exception"].startswith("Traceback (most recent call last):\n")
    assert told["exception"].endswith("\nZeroDivisionError: division by zero")


def test_a_line_is_written_at_once_whoever_else_writes(written: Stream) -> None:
    log = logs.get_logger()
    threads = [Thread(target=lambda: [log.info("x") for _ in range(200)]) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert len(written.calls) == 800
    assert all(json.loads(call)["event"] == "x" and call.endswith("}\n") for call in written.calls)


def test_what_libraries_warn_of_comes_in_our_form(written: Stream) -> None:
    logging.getLogger("psycopg.pool").warning("error connecting")
    logging.getLogger("psycopg").warning("error ignored in rollback on %s: %s", "x", "y")
    logging.getLogger("httpx2").info("HTTP Request: GET")
    logging.getLogger("uvicorn.error").info("Started server process")
    logging.getLogger("some.library").warning("odd %s", "thing")
    told = only(written)

    assert (told["event"], told["level"], told["library"]) == (
        "odd thing",
        "warning",
        "some.library",
    )


def test_nothing_below_information_is_written_and_nothing_twice(
    configured: Callable[..., Stream],
) -> None:
    configured()
    stream = configured()
    logs.get_logger().debug("detail")
    logs.get_logger().info("stopped")

    assert only(stream).keys() == {"event", "level", "timestamp"}


def test_a_full_disk_below_standard_error_stops_nobody(configured: Callable[..., Stream]) -> None:
    stream = configured()
    log = logs.get_logger()
    stream.refuses = 1
    log.info("lost")
    log.info("there is room again")

    assert only(stream)["event"] == "there is room again"


def test_a_terminal_is_shown_words_in_colours(shown: Stream) -> None:
    logs.get_logger().info("stored", collector="5m", said="two words", names=["a", "b"])
    line = shown.getvalue()

    assert "[\x1b[32m\x1b[1minfo" in line
    assert "\x1b[1mstored              \x1b[0m " in line
    assert "\x1b[36mcollector\x1b[0m=\x1b[35m5m\x1b[0m " in line
    assert line.endswith(
        "=\x1b[35m'two words'\x1b[0m \x1b[36mnames\x1b[0m=\x1b[35m['a', 'b']\x1b[0m\n"
    )


def test_a_terminal_is_never_sent_what_somebody_else_wrote(shown: Stream) -> None:
    log = logs.get_logger()
    log.error("event", error="x", file="y", names=["z"], exc_info=ValueError("e"))
    forged = f"{ESCAPES}\nforged"
    event = f"event{forged}"
    log.error(event, error=forged, file=Path(forged), names=[forged])
    log.error("event", exc_info=ValueError(ESCAPES))
    plain, line, failure = shown.calls

    assert line.count("\n") == 1
    assert "event\\x1b[2J\\x9b2J\\r\\x07\\u202e\\nforged" in line
    assert line.count("\x1b") == plain.count("\x1b")
    assert failure.endswith("\nValueError: \\x1b[2J\\x9b2J\\r\\x07\\u202e\n")
    assert {each for each in line + failure if not each.isprintable()} == {"\x1b", "\n"}


def test_a_terminal_is_shown_a_traceback_below_the_line(shown: Stream) -> None:
    tell_a_bug()
    first, *below = shown.getvalue().splitlines()

    assert "bug" in first
    assert below[0] == "Traceback (most recent call last):"
    assert below[-1] == "ZeroDivisionError: division by zero"
