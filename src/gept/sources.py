"""The public services that gept reads, and where they are unless a setting says otherwise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """A public service: its name, the setting that moves it, and its address."""

    name: str
    setting: str
    url: str
    about: str


PRICES = Source(
    "prices",
    "GEPT_PRICES_URL",
    "https://prices.runescape.wiki/api/v1/osrs",
    "Real-time prices API: `/latest`, `/5m`, `/1h` and `/mapping` are below it.",
)
NEWS = Source(
    "news",
    "GEPT_NEWS_URL",
    "https://secure.runescape.com/m=news/latest_news.rss?oldschool=true",
    "Official news feed (RSS 2.0).",
)
CHANGES = Source(
    "changes",
    "GEPT_CHANGES_URL",
    "https://oldschool.runescape.wiki/api.php",
    "MediaWiki API of the wiki, asked for its recent changes.",
)
PLAYERS = Source(
    "players",
    "GEPT_PLAYERS_URL",
    "https://oldschool.runescape.com/",
    "Home page of the game, which tells how many people play.",
)
TOTAL = Source(
    "total",
    "GEPT_TOTAL_URL",
    "https://www.runescape.com/player_count.js?varname=iPlayerCount&callback=jQuery",
    "How many people play Old School and RuneScape together; the player count is held against it.",
)

ALL = (PRICES, NEWS, CHANGES, PLAYERS, TOTAL)
