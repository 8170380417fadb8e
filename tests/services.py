"""The simulator with what tests want to change about its market."""

from __future__ import annotations

from typing import Any

from gept.simulate import Market, Server

ITEMS = 150
MARKET = Market(ITEMS)
BIG = MARKET.ids[-1]


def bucket(step: str, timestamp: int) -> dict[str, dict[str, int | None]]:
    """Return what a bucket holds."""
    return MARKET.bucket(step, timestamp)


def latest(minute: int) -> dict[str, dict[str, int | None]]:
    """Return the snapshot of a minute."""
    return MARKET.latest(minute)


class Services(Server):
    """The services on loopback; items can be missing from buckets, and the players and their total told."""

    def __init__(self) -> None:
        super().__init__(MARKET)
        self.missing_items: set[str] = set()
        self.players: int | None = None
        self.total: int | None = None

    def fault(self, path: str, kind: str, times: int = 1) -> None:
        """Let something go wrong with the next requests below a path."""
        self.faults.add(path, kind, times)

    def environ(self) -> dict[str, str]:
        """Return the settings that point gept here."""
        return {**super().environ(), "GEPT_CONTACT": "tests@gept.example"}

    def paths(self) -> list[str]:
        """Return what was asked, in order."""
        return [each.path for each in self.asked]

    def answer(self, path: str, query: dict[str, str], fault: str) -> Any:
        """Return what the market says, but for what a test has changed."""
        if path == "/" and self.players is not None:
            return f"<p>There are currently {self.players:,} people playing!</p>".encode()
        if path == "/player_count.js" and self.total is not None:
            return f"jQuery({self.total});".encode()
        value = super().answer(path, query, fault)
        if isinstance(value, dict) and path.endswith("/5m"):
            for item in self.missing_items:
                value["data"].pop(item, None)
        return value
