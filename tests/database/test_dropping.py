"""Days are dropped while others write: each row stays in one of the two, archive or database."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gept.archive.dropping import Dropping
from gept.archive.places import Folder
from gept.archive.restoring import restore
from gept.archive.shelf import Shelf
from gept.archive.writing import Archive, Terms
from gept.cli import gept
from gept.errors import ArchiveError, StoreRefused, UsageError
from gept.model import Collector, Decoded, Status
from gept.spool.tape import unpack
from gept.store import Database, Entry, Store
from gept.store.commit import Committing
from gept.store.copying.closed import Closed, closed
from gept.store.layouts import plain

Ask = Callable[..., list[Any]]
FIRST = datetime(2026, 9, 3, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 12, 31, 20, tzinfo=UTC)
DAY, WEEK, STEP = timedelta(days=1), timedelta(days=7), timedelta(minutes=5)
DAYS = [(FIRST + number * DAY).date() for number in range(7)]
TICKS_OF_WEEK = [FIRST + number * STEP for number in range(WEEK // STEP)]
ITEMS = (2, 4, 6)
ROWS = """
    INSERT INTO price_data_5min SELECT item, tick, 0, 1, NULL, 0
    FROM unnest(%s) AS item, generate_series(%s, %s - interval '1 second', interval '5 minutes') AS tick
"""
TICKS = """
    INSERT INTO ledger (collector, tick, status, settled, rows, first_asked_at, asked_at, committed_at)
    SELECT '5m', tick, 'done', true, 3, tick, tick, tick
    FROM generate_series(%s, %s - interval '1 second', interval '5 minutes') AS tick
"""
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
PRICES = "SELECT timestamp, min(avg_high_price), count(*) FROM price_data_5min GROUP BY 1"
COUNT = "SELECT count(*) FROM price_data_5min"


@pytest.fixture
def five(
    database: Database, store: Store, collectors: dict[str, Collector], query: Ask
) -> Collector:
    """Give the five-minute prices, with a week of them in one partition."""
    five = collectors["5m"]
    assert five.table.partition is not None
    with database.transaction() as cursor:
        plain.ensure(cursor, five.table.name, five.table.partition, FIRST, FIRST + WEEK - STEP)
    query(ROWS, list(ITEMS), FIRST, FIRST + WEEK)
    query(TICKS, FIRST, FIRST + WEEK)
    store.want(five, FIRST, FIRST + WEEK)
    return five


@pytest.fixture
def shelf(five: Collector, tmp_path: Path) -> Shelf:
    """Give the place of the days."""
    return Shelf(Folder(tmp_path / "archive"), five)


def answer(tick: datetime, price: int) -> tuple[Decoded, Entry]:
    """Return what is committed of a bucket that was asked for once more."""
    rows: list[Any] = [(item, tick, price, 1, None, 0) for item in ITEMS]
    return Decoded(rows), Entry("5m", tick, Status.DONE, NOW, NOW, settled=True)


def archive(days: Closed, shelf: Shelf) -> Dropping:
    """Archive the week, and give what drops it."""
    list(Archive(days, shelf, NOW, Terms(check=True)).write(FIRST, FIRST + WEEK))
    return Dropping(days, shelf)


def drop(address: str, shelf: Shelf) -> None:
    """Archive the week and drop it."""
    with closed(address) as days:
        dropping = archive(days, shelf)
        [(part, why)] = dropping.parts(FIRST, FIRST + WEEK)
        assert why == ""
        dropping.drop(part)


def until_one_waits(query: Ask, working: Future[Any]) -> None:
    """Wait until somebody waits for the lock of the collector."""
    while query(WAITING) == [(0,)] and not working.done():
        pass


def test_a_commit_that_waits_for_a_drop_is_refused(
    address: str,
    five: Collector,
    shelf: Shelf,
    store: Store,
    query: Ask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, late = Closed._drop, answer(FIRST, 7)

    with ThreadPoolExecutor() as others:
        committing: list[Future[Any]] = []

        def drop_meanwhile(self: Closed, *about: Any) -> None:
            committing.append(others.submit(store.commit, five, *late))
            until_one_waits(query, committing[0])
            real(self, *about)

        monkeypatch.setattr(Closed, "_drop", drop_meanwhile)
        drop(address, shelf)
        with pytest.raises(StoreRefused, match="2026-09-03 of 5m is only in the archive /.*"):
            committing[0].result()

    assert query(COUNT) == [(0,)]
    assert query("SELECT count(*) FROM dropped_days") == [(7,)]
    assert query("SELECT error FROM ledger WHERE tick = %s", FIRST) == [(None,)]


def test_a_drop_that_waits_for_a_commit_sees_what_it_brought(
    address: str, five: Collector, shelf: Shelf, database: Database, query: Ask
) -> None:
    with closed(address) as days, ThreadPoolExecutor() as others:
        dropping = archive(days, shelf)
        [(part, _)] = dropping.parts(FIRST, FIRST + WEEK)
        with database.transaction() as cursor:
            Committing(cursor, five).commit(*answer(FIRST, 7))
            going = others.submit(dropping.drop, part)
            until_one_waits(query, going)
        with pytest.raises(ArchiveError, match="2026-09-03: has changed since it was archived"):
            going.result()

    assert query("SELECT DISTINCT avg_high_price FROM price_data_5min ORDER BY 1") == [(0,), (7,)]
    assert query("SELECT count(*) FROM dropped_days") == [(0,)]


def test_while_days_come_and_go_no_row_is_lost_or_doubled(
    address: str, five: Collector, shelf: Shelf, store: Store, query: Ask
) -> None:
    chance, believed, refused = random.Random(5), dict.fromkeys(TICKS_OF_WEEK, 0), 0

    with ThreadPoolExecutor() as others, closed(address) as days:
        for price in range(1, 25):
            tick = chance.choice(TICKS_OF_WEEK)
            dropping = archive(days, shelf)
            going = others.submit(drop_unless_changed, dropping)
            if price % 3 == 0:
                going.result()
            late = others.submit(store.commit, five, *answer(tick, price))
            going.result()
            if late.exception() is None:
                believed[tick] = price
            else:
                assert isinstance(late.exception(), StoreRefused)
                refused += 1
            for day in chance.sample(gone := dropped(query), len(gone) // 2):
                restore(days, shelf, day, replace=False)

    here = {tick: (price, rows) for tick, price, rows in query(PRICES)}
    away = in_archive(shelf, dropped(query))
    assert not here.keys() & away.keys()
    assert here | away == {tick: (price, len(ITEMS)) for tick, price in believed.items()}
    assert any(believed.values())
    assert refused


def drop_unless_changed(dropping: Dropping) -> None:
    """Drop the week, unless a row came since it was archived."""
    for part, why in dropping.parts(FIRST, FIRST + WEEK):
        if not why:
            with suppress(ArchiveError):
                dropping.drop(part)


def dropped(query: Ask) -> list[date]:
    return [day for (day,) in query("SELECT day FROM dropped_days ORDER BY day")]


def in_archive(shelf: Shelf, days: list[date]) -> dict[datetime, tuple[int, int]]:
    """Return the price of each tick of some days, and how many rows it has."""
    found: dict[datetime, tuple[int, int]] = {}
    for day in days:
        manifest = shelf.verify(day)
        for row in chain.from_iterable(shelf.rows(manifest, shelf.file(manifest))):
            _, tick, price, *_ = row
            found[tick] = (price, found.get(tick, (0, 0))[1] + 1)
    return found


def test_a_late_answer_is_kept_until_its_day_is_back(
    address: str, five: Collector, shelf: Shelf, machine: Any, query: Ask
) -> None:
    drop(address, shelf)

    late = machine.run(five, FIRST)
    kept = machine.store.kept_answer(five, FIRST)
    with closed(address) as days:
        restore(days, shelf, DAYS[0], replace=False)
    [again] = machine.runner.replay(five, [unpack(kept)])

    assert late.status is Status.REFUSED
    assert "`gept archive restore 5m --since 2026-09-03 --until 2026-09-04`" in str(late.error)
    assert again.status is Status.DONE
    assert again.counts.inserted > 0
    assert query("SELECT status FROM ledger WHERE tick = %s", FIRST) == [("done",)]


def test_rows_of_single_items_leave_out_what_was_dropped(
    address: str, five: Collector, shelf: Shelf, store: Store, query: Ask
) -> None:
    drop(address, shelf)
    rows: list[Any] = [(2, FIRST + WEEK + number * STEP, 7, 1, None, 0) for number in (-1, 0)]

    counts = store.put(five, Decoded(rows), NOW)

    assert counts.inserted == 1
    assert query("SELECT timestamp FROM price_data_5min") == [(FIRST + WEEK,)]


def test_a_tick_of_a_dropped_day_is_not_asked_for(
    address: str, five: Collector, shelf: Shelf, query: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(address, shelf)
    monkeypatch.setenv("DATABASE_URL", address)

    done = CliRunner().invoke(gept, ["once", "5m", "--at", "2026-09-04T10:00"])

    assert isinstance(done.exception, UsageError)
    assert str(done.exception).startswith("--at: 2026-09-04 of 5m is only in the archive /")
    assert "--since 2026-09-04 --until 2026-09-05" in str(done.exception)
    assert query("SELECT sum(attempts) FROM ledger") == query("SELECT count(*) FROM ledger")
