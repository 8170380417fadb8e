"""The newest instant-buy and instant-sell trade of every item, each minute."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from msgspec import Struct

from ..decode.json import Amount, UnixTime, keyed
from ..errors import DecodeError
from ..model import Collector, Decoded, Number, Request, Response, Table, Tick
from ..schedule import Every
from ..sources import PRICES


class Latest(NamedTuple):
    """One item as the snapshot of a minute tells it: newest prices in coins, and when traded."""

    item_id: Number
    timestamp: datetime
    high: int | None
    high_time: datetime | None
    low: int | None
    low_time: datetime | None


class Trades(Struct, gc=False, rename="camel"):
    """What a snapshot says of one item."""

    high: Amount | None
    high_time: UnixTime | None
    low: Amount | None
    low_time: UnixTime | None


def requests(tick: Tick) -> Iterator[Request]:
    """Ask for every item at once."""
    yield Request(PRICES, "/latest")


def decode(response: Response, tick: Tick) -> Decoded:
    """Return one row an item, stamped with the minute: the answer itself tells no time."""
    read = keyed(response.body, Trades)
    if not (read.entries or read.rejected):
        raise DecodeError(f"{response.request} holds no item at all")
    rows = [
        (item_id, tick.at, item.high, _moment(item.high_time), item.low, _moment(item.low_time))
        for item_id, item in read.entries.items()
    ]
    return Decoded(rows, read.rejected, drift=read.drift)


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


COLLECTOR = Collector(
    name="latest",
    about="latest prices",
    source=PRICES,
    schedule=Every(timedelta(minutes=1)),
    table=Table(
        "prices_current",
        Latest,
        ("item_id",),
        stamps=("timestamp",),
        journal="prices_latest_1m",
        partition=timedelta(days=7),
    ),
    port=9103,
    requests=requests,
    decode=decode,
    worth=4,
    expect=range(3_000, 20_000),
)
