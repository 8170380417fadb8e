"""Hours held against their buckets: what differs is found, repaired by asking, or rebuilt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Event
from typing import Any, LiteralString

import pytest
from conftest import Machine
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from services import BIG, Services, bucket

from gept.jobs.verify import Verdict, Verifier
from gept.model import Collector, Status
from gept.store import Difference, Made, Rank

Query = Callable[..., list[Any]]
HOUR = datetime(2026, 11, 22, 11, tzinfo=UTC)
SPAN = HOUR, HOUR + timedelta(hours=1)
HOURS = "SELECT item_id, avg_high_price, high_price_volume, avg_low_price, low_price_volume FROM prices_1h ORDER BY 1"
LEDGER = "SELECT status, rebuilt, attempts, rows, next_try_at IS NULL FROM ledger WHERE collector = 'hourly'"
FIRST = "item_id = (SELECT min(item_id) FROM price_data_5min WHERE avg_low_price IS NOT NULL)"


@pytest.fixture
def made(collectors: dict[str, Collector]) -> Made:
    hourly = collectors["hourly"]
    assert hourly.parts is not None
    return Made(hourly, collectors[hourly.parts])


@pytest.fixture
def verifier(machine: Machine) -> Verifier:
    return Verifier(machine.runner, machine.store, machine.clock, timedelta(0), Event())


def collect(machine: Machine, made: Made, *, hour: bool = True) -> None:
    for tick in made.ticks(HOUR):
        assert machine.run(made.parts, tick).status is Status.DONE
    if hour:
        assert machine.run(made.whole, HOUR).status is Status.DONE


def verified(verifier: Verifier, made: Made, *, repair: bool = False) -> list[Verdict]:
    return list(verifier.verify(made, SPAN, repair=repair, rebuild=False))


def served() -> list[tuple[Any, ...]]:
    data = bucket("1h", int(HOUR.timestamp()))
    return sorted((int(item), *sides.values()) for item, sides in data.items())


def test_what_was_read_truly_agrees(machine: Machine, made: Made, verifier: Verifier) -> None:
    collect(machine, made)

    assert verified(verifier, made) == [Verdict(HOUR)]


SPOILT: list[tuple[LiteralString, str]] = [
    (f"UPDATE prices_1h SET low_price_volume = low_price_volume + 1 WHERE {FIRST}", "low"),
    (f"UPDATE prices_1h SET avg_low_price = avg_low_price + 1 WHERE {FIRST}", "low"),
    (f"UPDATE prices_1h SET avg_low_price = NULL WHERE {FIRST}", "low"),
    (f"DELETE FROM prices_1h WHERE {FIRST}", "low"),
    (f"UPDATE price_data_5min SET low_price_volume = low_price_volume * 2 WHERE {FIRST}", "low"),
    (f"UPDATE price_data_5min SET avg_low_price = avg_low_price * 2 WHERE {FIRST}", "low"),
    (f"DELETE FROM price_data_5min WHERE {FIRST}", "low"),
    (
        "INSERT INTO price_data_5min SELECT 999999, timestamp, 7, 1, NULL, 0 FROM price_data_5min LIMIT 1",
        "high",
    ),
    (
        "INSERT INTO prices_1h SELECT 999999, timestamp, 7, 1, NULL, 0 FROM prices_1h LIMIT 1",
        "high",
    ),
]


@pytest.mark.parametrize(("spoil", "side"), SPOILT, ids=lambda value: value[:40])
def test_what_was_spoilt_is_found_and_repaired_by_asking_again(
    spoil: LiteralString, side: str, machine: Machine, made: Made, verifier: Verifier, query: Query
) -> None:
    machine.clock.forward(hours=2)
    collect(machine, made)
    query(spoil)

    [found] = verified(verifier, made)
    [repaired] = verified(verifier, made, repair=True)

    assert side in {each.side for each in found.differences}
    assert len({each.item_id for each in found.differences}) == 1
    assert repaired.differences == []
    assert repaired.asked == (1 if "prices_1h SE" in spoil or "FROM prices_1h" in spoil else 13)
    assert query(HOURS) == served()
    assert verified(verifier, made) == [Verdict(HOUR)]


def test_products_beyond_64_bits_are_exact(
    machine: Machine, made: Made, verifier: Verifier, query: Query
) -> None:
    collect(machine, made)
    most = 2_149_631_130_647
    query("UPDATE price_data_5min SET avg_low_price = %s, low_price_volume = 9000000 WHERE item_id = %s", most, BIG)  # fmt: skip
    [(buckets,)] = query("SELECT count(*) FROM price_data_5min WHERE item_id = %s", BIG)
    query("UPDATE prices_1h SET avg_low_price = %s, low_price_volume = 9000000 * %s WHERE item_id = %s", most, buckets, BIG)  # fmt: skip

    agreed = verified(verifier, made)
    query("UPDATE prices_1h SET avg_low_price = avg_low_price + 1 WHERE item_id = %s", BIG)
    [differs] = verified(verifier, made)

    volume = 9_000_000 * buckets
    assert agreed == [Verdict(HOUR)]
    assert differs.differences == [
        Difference(BIG, "low", most + 1, volume, Decimal(most), Decimal(volume))
    ]


PRICES = st.one_of(st.none(), st.integers(1, 2_149_631_130_647))
TRADES = st.lists(st.tuples(PRICES, st.integers(1, 2**31 - 1)), min_size=12, max_size=12)


@limits(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trades=TRADES, off=st.integers(-2, 2))
def test_a_mean_may_be_half_a_coin_off_and_no_more(
    trades: list[tuple[int | None, int]], off: int, machine: Machine, made: Made, query: Query
) -> None:
    known = [(price, volume) for price, volume in trades if price is not None]
    total, value = sum(volume for _, volume in known), sum(p * v for p, v in known)
    price = (2 * value + total) // (2 * total) + off if known else None
    machine.store.begin(made.parts, HOUR, machine.clock())
    machine.store.begin(made.whole, HOUR, machine.clock())
    query("TRUNCATE price_data_5min, prices_1h")
    query(
        "INSERT INTO price_data_5min SELECT 2, at, mean, volume, NULL, 0 "
        "FROM unnest(%s::timestamptz[], %s::bigint[], %s::bigint[]) AS sold (at, mean, volume)",
        made.ticks(HOUR),
        [mean for mean, _ in trades],
        [volume if mean else 0 for mean, volume in trades],
    )
    query("INSERT INTO prices_1h VALUES (2, %s, %s, %s, NULL, 0)", HOUR, price, total)

    exact = price is None or 2 * abs(price * total - value) <= total

    assert (machine.store.differences(made, HOUR) == []) == exact


def test_only_whole_hours_are_compared(machine: Machine, made: Made, verifier: Verifier) -> None:
    for tick in made.ticks(HOUR)[1:]:
        machine.run(made.parts, tick)
    machine.run(made.whole, HOUR)

    assert verified(verifier, made) == []
    assert list(verifier.verify(made, SPAN, repair=True, rebuild=True)) == []


def test_a_source_that_does_not_answer_ends_the_asking(
    machine: Machine, made: Made, verifier: Verifier, upstream: Services, query: Query
) -> None:
    collect(machine, made)
    query(SPOILT[0][0])
    asked = len(upstream.asked)
    upstream.fault("/api/v1/osrs/1h", "status:404")

    [verdict] = verified(verifier, made, repair=True)

    assert (verdict.asked, len(upstream.asked) - asked) == (1, 1)
    assert "HTTP 404" in (verdict.error or "")
    assert len(verdict.differences) == 1
    assert query("SELECT count(*) FROM ledger WHERE status <> 'done'") == [(0,)]


def test_asking_again_keeps_to_the_pace_and_ends_when_told(
    machine: Machine, made: Made, upstream: Services, query: Query
) -> None:
    collect(machine, made)
    query(SPOILT[4][0])
    asked, stop, waits = len(upstream.asked), Event(), []

    class Stop(Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout)
            query("UPDATE paces SET free_at = now() - interval '1 minute'")
            if len(waits) == 3:
                self.set()
            return self.is_set()

    stop = Stop()
    verifier = Verifier(machine.runner, machine.store, machine.clock, timedelta(seconds=9), stop)
    [verdict] = verified(verifier, made, repair=True)

    assert [round(each or 0) for each in waits] == [9, 4, 4]  # late by half a pace or more
    assert (len(upstream.asked) - asked, verdict.error) == (3, "stopped")
    assert verified(verifier, made) == []


def test_a_lost_hour_is_rebuilt_and_marked(
    machine: Machine, made: Made, verifier: Verifier, upstream: Services, query: Query
) -> None:
    collect(machine, made, hour=False)
    upstream.fault("/api/v1/osrs/1h", "status:404")
    machine.run(made.whole, HOUR)

    [verdict] = verifier.verify(made, SPAN, repair=False, rebuild=True)

    assert verdict.rebuilt is not None
    assert query(HOURS) == served()
    assert query(LEDGER) == [("done", True, 1, len(served()), False)]
    assert verified(verifier, made) == [Verdict(HOUR)]


def test_an_hour_that_the_source_has_lost_is_rebuilt(
    machine: Machine, made: Made, verifier: Verifier, query: Query
) -> None:
    collect(machine, made)
    query("TRUNCATE prices_1h")
    query("UPDATE ledger SET status = 'empty' WHERE collector = 'hourly'")

    [differs] = verified(verifier, made)
    [verdict] = verifier.verify(made, SPAN, repair=True, rebuild=True)

    assert differs.differences
    assert (verdict.asked, verdict.rebuilt is not None) == (0, True)
    assert query(HOURS) == served()


def test_an_hour_without_any_trade_is_as_empty_as_its_buckets(
    machine: Machine, made: Made, verifier: Verifier, query: Query
) -> None:
    collect(machine, made)
    query("TRUNCATE prices_1h, price_data_5min")
    query("UPDATE ledger SET status = 'empty'")

    assert list(verifier.verify(made, SPAN, repair=True, rebuild=True)) == [Verdict(HOUR)]


def test_an_hour_that_nobody_asked_for_is_rebuilt_and_asked_for_later(
    machine: Machine, made: Made, verifier: Verifier, query: Query
) -> None:
    collect(machine, made, hour=False)
    list(verifier.verify(made, SPAN, repair=False, rebuild=True))

    due = machine.store.due(made.whole, HOUR, machine.clock())

    assert query(LEDGER) == [("done", True, 0, len(served()), False)]
    assert due == [(HOUR, Rank.CORRECTION)]


def test_the_answer_of_the_source_replaces_what_was_rebuilt(
    machine: Machine, made: Made, verifier: Verifier, upstream: Services, query: Query
) -> None:
    collect(machine, made, hour=False)
    list(verifier.verify(made, SPAN, repair=False, rebuild=True))
    query("UPDATE prices_1h SET avg_low_price = avg_low_price + 1")
    upstream.fault("/api/v1/osrs/1h", "status:404")
    machine.run(made.whole, HOUR)
    failed = query(LEDGER)
    machine.run(made.whole, HOUR)

    assert failed[0][:2] == ("done", True)
    assert query(LEDGER)[0][:2] == ("done", False)
    assert query(HOURS) == served()


def test_an_hour_that_came_meanwhile_is_not_rebuilt(
    machine: Machine, made: Made, query: Query
) -> None:
    collect(machine, made)

    assert machine.store.rebuild(made, HOUR, machine.clock()) is None
    assert query(LEDGER)[0][:2] == ("done", False)


def test_what_was_stored_of_a_partial_hour_gives_way(
    machine: Machine, made: Made, verifier: Verifier, query: Query, upstream: Services
) -> None:
    collect(machine, made, hour=False)
    upstream.fault("/api/v1/osrs/1h", "spoil:bad_id")
    assert machine.run(made.whole, HOUR).status is Status.PARTIAL
    query("INSERT INTO prices_1h SELECT 999999, timestamp, 7, 1, NULL, 0 FROM prices_1h LIMIT 1")

    [verdict] = verifier.verify(made, SPAN, repair=False, rebuild=True)

    assert verdict.rebuilt is not None
    assert (verdict.rebuilt.removed, verdict.rebuilt.inserted > 0) == (1, True)
    assert query(HOURS) == served()
