"""Price buckets: the shape that ``/5m`` and ``/1h`` share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from msgspec import Struct

from ..errors import DecodeError, NotYet
from ..model import Decoded, Number, Response, Row, Tick
from .json import Amount, digest, keyed


class Average(NamedTuple):
    """One item over one bucket: mean instant-buy and instant-sell price in coins, and volumes.

    ``timestamp`` is the start of the bucket. A side without a trade has no price and volume 0.
    """

    item_id: Number
    timestamp: datetime
    avg_high_price: int | None
    high_price_volume: int
    avg_low_price: int | None
    low_price_volume: int


class Sides(Struct, gc=False, rename="camel"):
    """What a bucket says of one item."""

    avg_high_price: Amount | None
    high_price_volume: Amount
    avg_low_price: Amount | None
    low_price_volume: Amount


def average(item_id: int, timestamp: int, sides: Sides) -> Row:
    """Return one row of a series."""
    return Average(
        item_id,
        datetime.fromtimestamp(timestamp, UTC),
        sides.avg_high_price,
        sides.high_price_volume,
        sides.avg_low_price,
        sides.low_price_volume,
    )


def averages(response: Response, tick: Tick) -> Decoded:
    """Return one row an item of the bucket that the tick stands for.

    The body says which bucket it holds. Raises NotYet for another bucket (some are published
    late), and for an empty answer: unpublished, or never to come. Data without a time is no answer.
    """
    read = keyed(response.body, Sides)
    if not (read.entries or read.rejected):
        raise NotYet(f"{response.request} has no data yet", nothing=True)
    if read.timestamp is None:
        said = f"{response.request} does not tell which bucket its data are of"
        raise DecodeError(said, rejected=read.rejected, drift=["timestamp: missing", *read.drift])
    at = datetime.fromtimestamp(read.timestamp, UTC)
    if at != tick.at:
        raise NotYet(f"{response.request} was answered with the bucket of {at:%Y-%m-%dT%H:%M:%SZ}")
    return Decoded(
        [
            (
                item_id,
                at,
                sides.avg_high_price,
                sides.high_price_volume,
                sides.avg_low_price,
                sides.low_price_volume,
            )
            for item_id, sides in read.entries.items()
        ],
        read.rejected,
        drift=read.drift,
        digest=digest(response.body),
    )
