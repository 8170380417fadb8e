"""A made-up market: any number of items, and any moment since 2021.

Everything is a function of its arguments, so whoever asks again gets the same answer, and a test
can compute what must be stored. Shapes, shares and odd cases are those of the real services.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from .names import NAMES

Sides = dict[str, int | None]

STEPS = {"5m": 300, "1h": 3600, "6h": 21600, "24h": 86400}
BEGINNING = 1_615_190_400
BEYOND_32_BITS = 9_199_000_000
SPACING = 3
UNLISTED = 250
CHANGES_NAME = COMES_AND_GOES = 71
KNOWN_EDITS = 200
EDIT_EVERY = 20
POST_EVERY = 6 * 3600
WORD = (1 << 64) - 1
TITLES = ("Winter's End", "Câfé & Tåverns", "Beyond Max Cash", "Poll 82: Blood & Moons")


def name_of(item: int, day: int = 0) -> str:
    """Return what an item is called; a few that nobody knows are renamed and named back."""
    name = NAMES.get(item) or (f"Item {item}" if item % 100 else f"Îtem {item}'s")
    renamed = item not in NAMES and item % CHANGES_NAME == 11 and (day + item) // 19 % 2
    return f"{name} (new)" if renamed else name


def chance(one: int, other: int) -> int:
    """Return a number below 2^32 that looks drawn by chance and is the same for the same two."""
    mixed: int = (one * 0x9E3779B97F4A7C15 ^ other * 0xC2B2AE3D27D4EB4F) & WORD
    mixed = ((mixed ^ mixed >> 29) * 0xBF58476D1CE4E5B9) & WORD
    return mixed >> 32


class Market:
    """A market of so many items; the last of them costs more than 32 bits hold."""

    def __init__(self, items: int = 4000) -> None:
        self.ids = _ids(items)
        self._liquid = {item: 5 + chance(item, 1) % 60 for item in self.ids}
        self._base: dict[int, int] = {
            item: 10 ** (1 + chance(item, 2) % 5) * 3 for item in self.ids
        }
        self._base[self.ids[-1]] = BEYOND_32_BITS
        known = [item for item in self.ids if item in NAMES]
        self._edited = [*self.ids, *known * (len(self.ids) // KNOWN_EDITS)]
        self.bucket = lru_cache(400)(self._bucket)

    def price(self, item: int, at: int) -> int:
        """Return what an item costs at a moment, in coins."""
        day = abs(at % 86400 - 43200) * 40 // 43200
        noise = chance(item, at // 300) % 20
        return max(self._base[item] * (950 + day + noise) // 1000, 1)

    def _bucket(self, step: str, at: int) -> dict[str, Sides]:
        """Return the averages of a bucket: only traded items, a side without trade has no price."""
        if step == "5m":
            traded = (item for item in self.ids if chance(item, at) % 100 < self._liquid[item])
            return {str(item): self._sides(item, at) for item in traded}
        return _sum(self.bucket("5m", start) for start in range(at, at + STEPS[step], 300))

    def _sides(self, item: int, at: int) -> Sides:
        drawn, price = chance(at, item), self.price(item, at)
        high = drawn % 3 > 0
        low = drawn % 7 > 1 or not high
        volume = 1 + drawn % (self._liquid[item] ** 2)
        return {
            "avgHighPrice": price + price // 50 if high else None,
            "highPriceVolume": volume if high else 0,
            "avgLowPrice": price if low else None,
            "lowPriceVolume": 2 * volume if low else 0,
        }

    def latest(self, minute: int) -> dict[str, Sides]:
        """Return the newest trades of every item; those of the rarer ones are older."""
        return {str(item): self._trades(item, minute) for item in self.ids}

    def _trades(self, item: int, minute: int) -> Sides:
        every = 1 + 600 // self._liquid[item]
        bought = minute - (minute - item) % every
        sold = minute - (minute - 2 * item) % (every + 1)
        odd = self._base[item] // 8 if chance(item, sold) % 6 == 0 else 1
        never_sold = chance(item, 3) % 200 == 0
        return {
            "high": self.price(item, bought * 60) + chance(item, bought) % 9,
            "highTime": bought * 60 - item % 50,
            "low": None if never_sold else self.price(item, sold * 60) * 95 // 100 + odd,
            "lowTime": None if never_sold else sold * 60 - item % 40,
        }

    def series(self, item: int, step: str, newest: int) -> list[dict[str, int | None]]:
        """Return the newest 365 buckets of one item; those without a trade are left out."""
        size = STEPS[step]
        return [
            {"timestamp": at, **sides}
            for at in range(newest - 364 * size, newest + 1, size)
            if (sides := self.bucket(step, at).get(str(item)))
        ]

    def mapping(self, day: int) -> list[dict[str, Any]]:
        """Return the item list of a day.

        Now and then a limit changes, an item is renamed, or one vanishes for a day; some are never
        in the list.
        """
        listed = [item for item in self.ids if item % UNLISTED != 0 and not _gone(item, day)]
        return [self._item(item, day) for item in listed]

    def _item(self, item: int, day: int) -> dict[str, Any]:
        base = self._base[item] % 2**31
        about: dict[str, Any] = {
            "examine": f"It is number {item}.",
            "id": item,
            "members": item % 2 == 0,
            "icon": f"{name_of(item)}.png",
            "name": name_of(item, day),
        }
        if item % 11:
            about["limit"] = 0 if item % 500 == 1 else 100 + (day + item) // 199 % 2 * 50
        if item % 90:
            about |= {"value": base, "lowalch": base * 4 // 10, "highalch": base * 6 // 10}
        return about

    def players(self, minute: int) -> int:
        """Return how many play."""
        return 90_000 + abs(minute % 1440 - 720) * 80 + chance(minute, 4) % 500

    def total(self, minute: int) -> int:
        """Return how many play this game and the other one together."""
        return self.players(minute) + 20_000 + chance(minute, 6) % 500

    def post(self, number: int, wording: str = "") -> dict[str, str]:
        """Return an official post; there is one each six hours."""
        day = datetime.fromtimestamp(number * POST_EVERY, UTC)
        return {
            "title": f"{TITLES[number % len(TITLES)]} {number} ",
            "link": f"https://secure.runescape.com/m=news/post-{number}?oldschool=1",
            "category": ("Game Updates", "Community", "Dev Blogs")[number % 3],
            "description": f"\nIt costs £{number % 90}. {_about(number)}{wording}\n",
            "pubDate": f"{day:%a, %d %b %Y} 00:00:00 GMT",
        }

    def change(self, number: int) -> dict[str, Any]:
        """Return a change of a wiki page; there is one each twenty seconds."""
        item = self._edited[chance(number, 5) % len(self._edited)]
        at = datetime.fromtimestamp(number * EDIT_EVERY, UTC)
        return {
            "type": "log" if number % 12 == 11 else "new" if number % 17 == 5 else "edit",
            "ns": 0,
            "title": name_of(item),
            "pageid": item,
            "revid": 3 * number,
            "old_revid": 3 * number - 2,
            "rcid": number,
            "oldlen": 1000 + number % 90,
            "newlen": 1010 + number % 70,
            "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        }


def _ids(items: int) -> list[int]:
    """Return so many ids; a market that has room has all that people know."""
    known = NAMES if items > 10 * len(NAMES) else {}
    others = (2 + SPACING * number for number in range(items))
    unknown = [item for item in others if item not in known]
    return sorted([*known, *unknown[: items - len(known)]])


def _gone(item: int, day: int) -> bool:
    """Tell whether an item that is now and then taken off the list is so on a day."""
    return item not in NAMES and item % COMES_AND_GOES == 17 and (day + item) % 23 == 0


def _about(number: int) -> str:
    """Return what every third post says about an item that people know."""
    return "" if number % 3 else "The Abyssal whip is as sharp as ever. "


def _sum(buckets: Any) -> dict[str, Sides]:
    """Return the bucket that several make together: volumes add up, prices are weighted means."""
    totals: dict[int, list[int]] = {}
    for bucket in buckets:
        for item, sides in bucket.items():
            total = totals.setdefault(int(item), [0, 0, 0, 0])
            total[0] += (sides["avgHighPrice"] or 0) * sides["highPriceVolume"]
            total[1] += sides["highPriceVolume"]
            total[2] += (sides["avgLowPrice"] or 0) * sides["lowPriceVolume"]
            total[3] += sides["lowPriceVolume"]
    return {
        str(item): {
            "avgHighPrice": _mean(high, bought),
            "highPriceVolume": bought,
            "avgLowPrice": _mean(low, sold),
            "lowPriceVolume": sold,
        }
        for item, (high, bought, low, sold) in sorted(totals.items())
    }


def _mean(value: int, volume: int) -> int | None:
    return (2 * value + volume) // (2 * volume) if volume else None
