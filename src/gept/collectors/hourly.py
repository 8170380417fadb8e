"""Average price and volume of every traded item over each hour, all items in one request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

from msgspec import Meta, Raw, Struct, field
from msgspec.structs import asdict

from ..decode.buckets import Average, Sides, average, averages
from ..decode.json import BIGGEST_TIME, ItemId, each, known
from ..decode.rows import distinct
from ..errors import DecodeError
from ..model import (
    Collector,
    Decoded,
    Kind,
    Rejected,
    Request,
    Response,
    Series,
    Table,
    Tick,
    Vanished,
)
from ..schedule import Every
from ..sources import PRICES

HISTORY = datetime(2021, 3, 8, 8, tzinfo=UTC)


def requests(tick: Tick) -> Iterator[Request]:
    """Ask for the hour that starts at the tick."""
    yield Request(PRICES, "/1h", {"timestamp": int(tick.at.timestamp())})


HIGH_VOLUME_ITEMS = (
    *(2, 314, 453, 554, 555, 556, 557, 558, 560, 561, 562, 563, 564, 565, 566, 1391, 1513, 1515),
    *(1747, 1749, 1751, 2359, 2361, 2363, 2434, 2485, 3024, 207, 209, 211, 213, 215, 217, 219),
    *(225, 449, 451, 536, 1617, 1619, 1621, 1623, 1631, 1637, 5295, 5300, 5304, 5316, 6685, 8778),
    *(8782, 9144, 11232, 11237, 12934, 13190, 21817, 21820, 21930, 22124, 24598, 24607),
)
"""The items that the specification's collector followed."""


Hour = Annotated[int, Meta(ge=int(HISTORY.timestamp()), le=BIGGEST_TIME, multiple_of=3600)]
"""The start of an hour since prices are known."""


class Point(Sides):
    """One hour of one item, as ``/timeseries`` tells it."""

    timestamp: Hour


class Points(Struct):
    """The hours of one item; those without a trade are left out."""

    item_id: ItemId = field(name="itemId")
    data: list[Raw]


def series(item: int) -> Request:
    """Ask for the newest 365 hours of one item."""
    return Request(PRICES, "/timeseries", {"timestep": "1h", "id": item})


def decode_series(response: Response) -> Decoded:
    """Return one row an hour of the item that was asked for."""
    body, drift = known(response.body, Points)
    if body.item_id != response.request.params["id"]:
        raise DecodeError(f"{response.request} was answered with item {body.item_id}")
    read = each(body.data, Point, "data")
    begun, future = _begun(read.entries, response.at)
    rows = (average(body.item_id, point.timestamp, point) for point in begun)
    hours, contradictions = distinct(rows, key=1)
    return Decoded(hours, read.rejected + future + contradictions, drift=drift + read.drift)


def _begun(points: Iterable[Point], now: datetime) -> tuple[list[Point], list[Rejected]]:
    """Return the hours that have begun, and those that have not: nobody can know them."""
    begun: list[Point] = []
    future: list[Rejected] = []
    for number, point in enumerate(points):
        if point.timestamp <= now.timestamp():
            begun.append(point)
            continue
        where = f"hour {point.timestamp} [{number}]"
        future.append(Rejected(where, "has not begun", asdict(point), Kind.OUT_OF_RANGE))
    return begun, future


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
    history=HISTORY,
    settles=timedelta(hours=1),
    expect=range(1_000, 10_000),
    series=Series(
        series, decode_series, HIGH_VOLUME_ITEMS, timedelta(hours=2), timedelta(milliseconds=100)
    ),
    parts="5m",
)
