"""The simulator answers as the real services do."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gept.collectors.hourly import HIGH_VOLUME_ITEMS
from gept.simulate import Clock, Market, Server

MARKET = Market(300)
NOON = 1_795_348_800
TIMES = st.integers(1_615_190_400 // 300, 2_000_000_000 // 300).map(lambda number: number * 300)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(MARKET, now=lambda: NOON + 3600 + 20)
    server.start()
    yield server
    server.stop()


def get(server: Server, path: str) -> Any:
    with urllib.request.urlopen(server.url + path, timeout=10) as answer:  # noqa: S310
        return json.load(answer)


@given(TIMES)
def test_a_bucket_has_only_traded_items_and_a_price_where_there_is_a_volume(at: int) -> None:
    sides = list(MARKET.bucket("5m", at).values())

    assert 0.15 < len(sides) / 300 < 0.6
    for each in sides:
        assert (each["avgHighPrice"] is None) == (each["highPriceVolume"] == 0)
        assert (each["avgLowPrice"] is None) == (each["lowPriceVolume"] == 0)
        assert each["highPriceVolume"] or each["lowPriceVolume"]


def test_an_hour_is_the_sum_of_its_twelve_buckets() -> None:
    hour = MARKET.bucket("1h", NOON)
    volumes: dict[str, int] = {}
    for at in range(NOON, NOON + 3600, 300):
        for item, sides in MARKET.bucket("5m", at).items():
            volumes[item] = volumes.get(item, 0) + (sides["lowPriceVolume"] or 0)

    assert {item: sides["lowPriceVolume"] for item, sides in hour.items()} == volumes


def test_more_play_both_games_than_this_one(server: Server) -> None:
    path = "/player_count.js?varname=iPlayerCount&callback=jQuery"
    with urllib.request.urlopen(server.url + path, timeout=10) as answer:  # noqa: S310
        body, date = answer.read().decode(), answer.headers["Date"]
    total = int(body.removeprefix("jQuery(").removesuffix(");"))

    assert total == MARKET.total((NOON + 3620) // 60) > MARKET.players((NOON + 3620) // 60)
    assert parsedate_to_datetime(date).timestamp() == NOON + 3620


def test_the_same_question_has_the_same_answer() -> None:
    assert Market(300).bucket("5m", NOON) == MARKET.bucket("5m", NOON)
    assert Market(300).latest(5) == MARKET.latest(5)


def test_trades_are_in_the_past_and_never_go_back() -> None:
    before, after = MARKET.latest(NOON // 60), MARKET.latest(NOON // 60 + 1)

    changed = [item for item in before if before[item] != after[item]]
    assert 0.02 < len(changed) / 300 < 0.4
    assert all((sides["highTime"] or 0) <= NOON for sides in before.values())
    assert all((after[i]["highTime"] or 0) >= (before[i]["highTime"] or 0) for i in before)


def test_some_items_trade_below_or_beyond_what_one_would_expect() -> None:
    latest = MARKET.latest(NOON // 60).values()

    assert any((sides["low"] or 0) > (sides["high"] or 0) for sides in latest)
    assert any(sides["low"] is None for sides in latest)
    assert any((sides["high"] or 0) > 2**31 for sides in latest)


def test_a_large_market_has_what_people_know_by_its_name() -> None:
    large = Market(1000)
    names = {item["id"]: item["name"] for item in large.mapping(20_000)}

    assert len(large.ids) == 1000
    assert names[4151] == "Abyssal whip"
    assert set(HIGH_VOLUME_ITEMS) <= set(names)
    assert large.ids == sorted(large.ids)


def test_posts_and_edits_are_about_what_people_know() -> None:
    market = Market()
    posts = [market.post(number)["description"] for number in range(15)]
    edited = [market.change(number)["title"] for number in range(86_400 // 20)]

    assert sum("whip" in text for text in posts) == 5
    assert edited.count("Abyssal whip") > 5


def test_items_are_renamed_and_come_and_go() -> None:
    market = Market(1000)
    days = [{each["id"]: each["name"] for each in market.mapping(day)} for day in range(25)]
    pairs = list(pairwise(days))

    assert any(old[item] != new[item] for old, new in pairs for item in old.keys() & new.keys())
    assert any(old.keys() - new.keys() for old, new in pairs)
    assert any(new.keys() - old.keys() for old, new in pairs)


def test_the_item_list_changes_and_lacks_some() -> None:
    days = [MARKET.mapping(day) for day in range(20_000, 20_061)]

    assert len(days[0]) < len(MARKET.ids)
    assert any("limit" not in item for item in days[0])
    assert any(item.get("limit") == 0 for item in MARKET.mapping(1)) or len(MARKET.ids) < 500
    assert days[0] != days[60]


@pytest.mark.parametrize(
    ("path", "timestamp"),
    [
        ("/api/v1/osrs/5m", NOON + 3300),
        (f"/api/v1/osrs/5m?timestamp={NOON}", NOON),
        (f"/api/v1/osrs/5m?timestamp={NOON + 1}", None),
        (f"/api/v1/osrs/5m?timestamp={NOON + 3600}", None),
        ("/api/v1/osrs/1h", NOON),
    ],
)
def test_buckets_that_are_not_published_are_empty_and_without_time(
    path: str, timestamp: int | None, server: Server
) -> None:
    answer = get(server, path)

    assert answer.get("timestamp") == timestamp
    assert bool(answer["data"]) == (timestamp is not None)


def test_a_series_has_at_most_365_points_of_one_item(server: Server) -> None:
    answer = get(server, "/api/v1/osrs/timeseries?timestep=5m&id=11")

    assert answer["itemId"] == 11
    assert 50 < len(answer["data"]) <= 365
    assert answer["data"] == sorted(answer["data"], key=lambda point: point["timestamp"])


def test_any_clock() -> None:
    fast = Clock(offset=1000, speed=60)

    assert fast() > 1000


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (b'{"fault": "bogus"}', "'bogus' is no fault"),
        (b'{"fault": "status:abc"}', "not of the form status:CODE"),
        (b'{"fault": "spoil:none"}', "not of the form spoil:KIND"),
        (b'{"fault": "hang", "times": -1}', "`times`|>= 1"),
        (b'{"path": 1, "fault": "hang"}', "Expected `str`"),
        (b"garbage", "malformed"),
        (b"[]", "Expected `object`"),
    ],
)
def test_a_wish_for_no_fault_is_refused_and_harms_nothing(
    server: Server, wish: bytes, told: str
) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{server.url}/_fault", wish, timeout=10).close()  # noqa: S310

    assert caught.value.code == 400
    assert re.search(told, caught.value.read().decode())
    caught.value.close()
    assert server.faults.take("/") == ""


def test_faults_come_once(server: Server) -> None:
    wish = json.dumps({"path": "/api/v1/osrs/latest", "fault": "empty", "times": 2}).encode()
    urllib.request.urlopen(f"{server.url}/_fault", wish, timeout=10).close()  # noqa: S310

    sizes = [len(get(server, "/api/v1/osrs/latest")["data"]) for _ in range(3)]

    assert sizes == [0, 0, 300]
