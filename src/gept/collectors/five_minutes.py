"""Average price and volume of every traded item over each five minutes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from ..decode.buckets import Average, averages
from ..model import Collector, Request, Table, Tick, Vanished
from ..schedule import Every
from ..sources import PRICES


def requests(tick: Tick) -> Iterator[Request]:
    """Ask for the bucket that starts at the tick."""
    yield Request(PRICES, "/5m", {"timestamp": int(tick.at.timestamp())})


COLLECTOR = Collector(
    name="5m",
    about="five-minute averages",
    source=PRICES,
    schedule=Every(timedelta(minutes=5), delay=timedelta(minutes=5, seconds=12)),
    table=Table(
        "price_data_5min",
        Average,
        ("item_id", "timestamp"),
        vanished=Vanished.DELETE,
        partition=timedelta(days=7),
    ),
    port=9100,
    requests=requests,
    decode=averages,
    history=datetime(2021, 3, 8, 8, tzinfo=UTC),
    settles=timedelta(minutes=10),
    expect=range(300, 10_000),
)
