"""What every tradeable item is: name, examine text, alchemy values, buy limit, icon; each day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote

from msgspec import Struct, field

from ..decode.json import Amount, ItemId, Name, Text, listed
from ..decode.rows import distinct
from ..errors import DecodeError
from ..model import Collector, Decoded, Number, Request, Response, Row, Table, Tick, Vanished
from ..schedule import Every
from ..sources import PRICES

WIKI_PAGE = "https://oldschool.runescape.wiki/w/"


class Item(NamedTuple):
    """One item as the newest item list tells it; ``cost`` is its value, ``buy_limit`` per 4 h."""

    item_id: Number
    name: str
    examine: str | None
    members: bool | None
    lowalch: int | None
    highalch: int | None
    cost: int | None
    wiki_url: str
    buy_limit: int | None
    icon: str | None
    last_seen: datetime
    removed_at: datetime | None


class Mapped(Struct, gc=False):
    """What the item list says of one item; an unknown value is an absent key."""

    id: ItemId
    name: Name
    examine: Text | None
    members: bool
    icon: Text | None = None
    lowalch: Amount | None = None
    highalch: Amount | None = None
    value: Amount | None = None
    buy_limit: Amount | None = field(name="limit", default=None)


def requests(tick: Tick) -> Iterator[Request]:
    """Ask for the item list."""
    yield Request(PRICES, "/mapping")


def decode(response: Response, tick: Tick) -> Decoded:
    """Return one row an item."""
    read = listed(response.body, Mapped)
    if not (read.entries or read.rejected):
        raise DecodeError(f"{response.request} holds no item at all")
    rows, contradictions = distinct(row(entry, tick.at) for entry in read.entries)
    return Decoded(rows, read.rejected + contradictions, drift=read.drift)


def row(entry: Mapped, at: datetime) -> Row:
    """Return an item as a day's list tells it."""
    page = WIKI_PAGE + quote(entry.name.replace(" ", "_"))
    return Item(
        entry.id,
        entry.name,
        entry.examine,
        entry.members,
        entry.lowalch,
        entry.highalch,
        entry.value,
        page,
        entry.buy_limit,
        entry.icon,
        at,
        None,
    )


COLLECTOR = Collector(
    name="items",
    about="item list",
    source=PRICES,
    schedule=Every(timedelta(days=1)),
    table=Table("items", Item, ("item_id",), time="last_seen", vanished=Vanished.MARK),
    port=9105,
    requests=requests,
    decode=decode,
    expect=range(3_000, 20_000),
    tolerates=0.05,
)
