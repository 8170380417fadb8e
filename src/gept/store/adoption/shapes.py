"""What each table of an older database becomes: its columns, key and grid in gept's own tables."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import LiteralString


class Kind(StrEnum):
    """What a column holds, which tells what it may be made of."""

    ID = "id"
    AMOUNT = "amount"
    MOMENT = "moment"
    TEXT = "text"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of gept's, and the names under which older tables have it."""

    name: str
    kind: Kind
    others: tuple[str, ...] = ()
    needed: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every name it may have, the likeliest first."""
        return (self.name, *self.others)


@dataclass(frozen=True, slots=True)
class Shape:
    """An old table and where its rows go.

    ``time`` is the column that tells the tick; None where rows belong to no tick. ``floors`` lets a
    time within a tick stand for it; elsewhere such a row is no row of any tick. ``made`` are
    columns that may not be NULL and that old tables may lack, as SQL over a row ``new``.
    """

    old: str
    table: str
    collector: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    time: str | None = "timestamp"
    floors: bool = False
    made: tuple[tuple[str, LiteralString], ...] = ()


_BUCKET = (
    Column("item_id", Kind.ID, needed=True),
    Column("timestamp", Kind.MOMENT, needed=True),
    Column("avg_high_price", Kind.AMOUNT),
    Column("high_price_volume", Kind.AMOUNT),
    Column("avg_low_price", Kind.AMOUNT),
    Column("low_price_volume", Kind.AMOUNT),
)
_TRADES = (
    Column("item_id", Kind.ID, needed=True),
    Column("timestamp", Kind.MOMENT, needed=True),
    Column("high", Kind.AMOUNT, ("high_price",)),
    Column("high_time", Kind.MOMENT, ("high_timestamp",)),
    Column("low", Kind.AMOUNT, ("low_price",)),
    Column("low_time", Kind.MOMENT, ("low_timestamp",)),
)
_ITEM = (
    Column("item_id", Kind.ID, ("id",), needed=True),
    Column("name", Kind.TEXT, needed=True),
    Column("examine", Kind.TEXT),
    Column("members", Kind.FLAG),
    Column("lowalch", Kind.AMOUNT),
    Column("highalch", Kind.AMOUNT),
    Column("cost", Kind.AMOUNT, ("value",)),
    Column("wiki_url", Kind.TEXT),
    Column("buy_limit", Kind.AMOUNT, ("limit_ge", "ge_limit", "limit")),
    Column("icon", Kind.TEXT),
    Column("updated_at", Kind.MOMENT, ("last_updated",)),
)
_NEWS = (
    Column("guid", Kind.TEXT, needed=True),
    Column("title", Kind.TEXT),
    Column("link", Kind.TEXT),
    Column("description", Kind.TEXT),
    Column("category", Kind.TEXT),
    Column("pub_date", Kind.MOMENT),
    Column("created_at", Kind.MOMENT),
)
_PLAYERS = (
    Column("timestamp", Kind.MOMENT, needed=True),
    Column("count", Kind.AMOUNT, ("player_count",), needed=True),
    Column("fetched_at", Kind.MOMENT),
)
_FEED: LiteralString = """
    CASE WHEN new.category ILIKE 'wiki%' OR new.link LIKE '%oldschool.runescape.wiki%'
    THEN 'wiki_feed' ELSE 'official' END
"""
_OF_ITEM = ("item_id", "timestamp")

# What is adopted last wins: the table of the collector of the minute over that of the combined one.
SHAPES = (
    Shape(
        "items",
        "items",
        "items",
        ("item_id",),
        _ITEM,
        time=None,
        made=(("last_seen", "coalesce(new.updated_at, 'epoch')"),),
    ),
    Shape("price_data_5min", "price_data_5min", "5m", _OF_ITEM, _BUCKET),
    Shape("prices_1h", "prices_1h", "hourly", _OF_ITEM, _BUCKET),
    Shape("prices_latest", "prices_latest_1m", "latest", _OF_ITEM, _TRADES, floors=True),
    Shape("prices_latest_1m", "prices_latest_1m", "latest", _OF_ITEM, _TRADES, floors=True),
    Shape(
        "osrs_news",
        "osrs_news",
        "news",
        ("guid",),
        _NEWS,
        time=None,
        made=(
            ("feed", _FEED),
            ("created_at", "coalesce(new.created_at, new.pub_date, 'epoch')"),
        ),
    ),
    Shape(
        "player_counts",
        "player_counts",
        "players",
        ("timestamp",),
        _PLAYERS,
        floors=True,
        made=(("fetched_at", "coalesce(new.fetched_at, new.timestamp)"),),
    ),
)
BY_NAME = {each.old: each for each in SHAPES}
