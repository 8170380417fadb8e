"""Deleting by age, on native partitions, and the command."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from gept.cli import gept
from gept.errors import UsageError
from gept.model import Collector
from gept.store import Database, Store
from gept.store.layouts import plain
from gept.store.layouts.retention import retention

Ask = Callable[..., list[Any]]
NOW = datetime(2026, 11, 22, tzinfo=UTC)
DAYS = (datetime(2026, 9, 3, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC), NOW)
ITEMS = "SELECT array_agg(item_id ORDER BY item_id) FROM price_data_5min"


@pytest.fixture
def filled(database: Database, address: str, query: Ask) -> str:
    """Fill three weeks with a row each."""
    for item, day in enumerate(DAYS):
        with database.transaction() as cursor:
            plain.ensure(cursor, "price_data_5min", timedelta(weeks=1), day, day)
        query("INSERT INTO price_data_5min VALUES (%s, %s, 5, 1, 5, 1)", item, day)
    return address


@pytest.fixture
def run(filled: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Give a function that runs the command at a fixed time."""
    monkeypatch.setenv("DATABASE_URL", filled)
    monkeypatch.setattr("gept.app.now", lambda: NOW)
    monkeypatch.setattr("gept.observe.logs.configure", lambda: None)

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(gept, ["db", "retention", *arguments])

    return run


@pytest.mark.parametrize("age", ["99999999d", "800000d", "999999999.9d"])
def test_an_age_before_all_times_is_a_sentence(age: str, run: Callable[..., Any]) -> None:
    ended = run("prices_1h", age)

    assert isinstance(ended.exception, UsageError)
    assert str(ended.exception).startswith(f"AGE: '{age}' is more than a hundred years")


def test_only_parts_that_are_wholly_older_go(filled: str, query: Ask) -> None:
    with retention(filled) as kept:
        parts = kept.aged("price_data_5min", datetime(2026, 10, 7, 23, tzinfo=UTC))
        kept.drop("price_data_5min", parts)

    assert [(each.low, each.high) for each in parts] == [(DAYS[0], DAYS[0] + timedelta(weeks=1))]
    assert query(ITEMS) == [([1, 2],)]


def test_what_is_gone_is_wanted_no_more(
    filled: str, store: Store, collectors: dict[str, Collector], query: Ask
) -> None:
    store.begin(collectors["5m"], DAYS[0], NOW)

    with retention(filled) as kept:
        kept.drop("price_data_5min", kept.aged("price_data_5min", DAYS[1]))

    [(gone, left)] = query(
        "SELECT wanted @> %s::timestamptz, wanted @> %s::timestamptz FROM collectors WHERE name = '5m'",
        DAYS[0],
        DAYS[0] + timedelta(weeks=1),
    )
    assert (gone, left) == (False, True)


def test_it_is_shown_first_and_done_when_confirmed(run: Callable[..., Any], query: Ask) -> None:
    shown = run("price_data_5min", "30d", "--force")
    untouched = query(ITEMS)
    done = run("price_data_5min", "30d", "--force", "--yes")
    again = run("price_data_5min", "30d", "--force", "--yes")

    assert "to be deleted now: 2 parts, 2026-09-03 00:00:00Z to 2026-10-08" in shown.output
    assert "nothing was done; add --yes" in shown.output
    assert untouched == [([0, 1, 2],)]
    assert "run this again when more is to go" in done.output
    assert again.output == "price_data_5min: nothing would be deleted now\n"
    assert query(ITEMS) == [([2],)]


def test_without_an_age_it_tells_how_long_is_kept(run: Callable[..., Any]) -> None:
    assert run().output.splitlines() == [
        f"{table}: kept for ever" for table in ("price_data_5min", "prices_1h", "prices_latest_1m")
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("items", "400d"), "TABLE: 'items' is no table of prices; take one of"),
        (("price_data_5min", "400d"), "add --force"),
        (("prices_1h", "9d"), "AGE: '9d' is less than 14 days"),
        (("prices_1h", "long"), "AGE: 'long' is not a length of time"),
        (("prices_1h", "off"), "prices_1h: nothing deletes its rows here"),
    ],
)
def test_what_must_not_be_is_refused(
    run: Callable[..., Any], arguments: tuple[str, ...], said: str
) -> None:
    found = run(*arguments, "--yes")

    assert isinstance(found.exception, UsageError)
    assert said in str(found.exception)
