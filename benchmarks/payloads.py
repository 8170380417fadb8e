"""What the benchmarks write: buckets of 4,000 items, a quarter of the sides without a trade."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from gept.model import Row

ITEMS = 4000
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(minutes=5)


def tick(number: int) -> datetime:
    """Return the start of a bucket."""
    return FIRST + number * STEP


def rows(number: int) -> Iterator[Row]:
    """Yield the rows of a bucket."""
    at = tick(number)
    for item in range(1, ITEMS + 1):
        high = None if (item + number) % 4 == 0 else 1000 + item * 7 % 90_000 + number % 50
        low = None if (item + number) % 5 == 0 else 990 + item * 7 % 90_000
        yield item, at, high, item % 900, low, item % 700


def body(number: int) -> bytes:
    """Return a bucket as the source would send it."""
    data = {
        str(item): {
            "avgHighPrice": high,
            "highPriceVolume": bought,
            "avgLowPrice": low,
            "lowPriceVolume": sold,
        }
        for item, _, high, bought, low, sold in rows(number)
    }
    return json.dumps({"data": data, "timestamp": int(tick(number).timestamp())}).encode()
