"""Average price and volume of every traded item over each hour, all items in one request."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from ..decode.buckets import Average, averages
from ..model import Collector, Request, Table, Tick, Vanished
from ..schedule import Every
from ..sources import PRICES


def requests(tick: Tick) -> Iterator[Request]:
    """Ask for the hour that starts at the tick."""
    yield Request(PRICES, "/1h", {"timestamp": int(tick.at.timestamp())})


COLLECTOR = Collector(
    name="hourly",
    about="hourly averages",
    source=PRICES,
    schedule=Every(timedelta(hours=1), delay=timedelta(hours=1, seconds=12)),
    table=Table(
        "prices_1h",
        Average,
        ("item_id", "timestamp"),
        vanished=Vanished.DELETE,
        partition=timedelta(days=28),
    ),
    port=9101,
    requests=requests,
    decode=averages,
    history=datetime(2021, 3, 8, 8, tzinfo=UTC),
    settles=timedelta(hours=1),
    expect=range(1_000, 10_000),
)
