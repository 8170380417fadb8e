"""The public services on loopback, for tests: what they answer, and faults on demand.

What a bucket holds is a function of its timestamp, so that a test can compute what must be stored.
"""

from __future__ import annotations

import gzip
import json
import re
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

STEP = {"5m": 300, "1h": 3600}
FIRST = 1615190400
ITEMS = 50
BIG = 9_199_000_000


def bucket(step: str, timestamp: int) -> dict[str, dict[str, int | None]]:
    """Return what a bucket holds: 40 to 50 items, some sides without a trade, one beyond 2^31."""
    number = timestamp // STEP[step]
    data: dict[str, dict[str, int | None]] = {}
    for item in range(1, ITEMS - number % 11):
        high = None if (item + number) % 3 == 0 else 1000 * item + number % 100
        low = None if high is not None and (item + number) % 4 == 0 else 990 * item + number % 90
        data[str(item)] = {
            "avgHighPrice": high,
            "highPriceVolume": 0 if high is None else item,
            "avgLowPrice": low,
            "lowPriceVolume": 0 if low is None else 2 * item,
        }
    data["20014"] = {
        "avgHighPrice": BIG + number % 7,
        "highPriceVolume": 1,
        "avgLowPrice": None,
        "lowPriceVolume": 0,
    }
    return data


def latest(minute: int) -> dict[str, dict[str, int | None]]:
    """Return a snapshot, in which a fifth of the items trades each minute."""
    data: dict[str, dict[str, int | None]] = {}
    for item in range(1, ITEMS):
        changed = minute - (minute - item) % 5
        data[str(item)] = {
            "high": 1000 * item + changed % 50,
            "highTime": changed * 60 + 3,
            "low": None if item % 7 == 0 else 900 * item + changed % 40,
            "lowTime": None if item % 7 == 0 else changed * 60 + 1,
        }
    return data


def mapping() -> list[dict[str, Any]]:
    """Return an item list."""
    return [
        {
            "examine": f"It is {item}.",
            "id": item,
            "members": item % 2 == 0,
            "lowalch": 4 * item,
            "highalch": 6 * item,
            "value": 10 * item,
            "limit": 100,
            "icon": f"Item {item}.png",
            "name": f"Item {item}",
        }
        for item in range(1, ITEMS)
    ]


def change(number: int) -> dict[str, Any]:
    """Return the wiki change of a number; there is one each twenty seconds."""
    return {
        "type": "log" if number % 12 == 11 else "new" if number % 17 == 5 else "edit",
        "title": f"Item {number % ITEMS}",
        "revid": number * 3,
        "rcid": number,
        "oldlen": 1000,
        "newlen": 1010 + number % 70,
        "timestamp": f"{datetime.fromtimestamp(number * 20, UTC):%Y-%m-%dT%H:%M:%SZ}",
    }


def feed(posts: int = 5, wording: str = "Words") -> bytes:
    """Return a news feed in ISO-8859-1 with an undeclared namespace."""
    items = "".join(
        f"<item><title>Post {n} </title><dc:creator></dc:creator><description>\n{wording} &#8217;"
        f"caf\u00e9&nbsp;{n}\n</description><category>Game Updates</category><link>https://n/{n}</link>"
        f"<pubDate>Sat, 21 Nov 2026 00:00:00 GMT</pubDate><guid>https://n/{n}</guid></item>"
        for n in range(posts)
    )
    head = (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<rss version="2.0"><channel><title>N</title>'
    )
    return (head + items + "</channel></rss>").encode("iso-8859-1")


@dataclass
class Asked:
    """One request that was made."""

    path: str
    agent: str
    authorization: str | None


@dataclass
class Services:
    """The services: the address, the time they think it is, and what is to go wrong."""

    url: str
    now: Callable[[], float] = time.time
    lag: int = 12
    asked: list[Asked] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)
    missing_items: set[str] = field(default_factory=set)
    wording: str = "Words"
    items: list[dict[str, Any]] = field(default_factory=mapping)
    players: int = 131884
    release: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)

    def environ(self) -> dict[str, str]:
        """Return the settings that point gept at these services."""
        return {
            "GEPT_PRICES_URL": f"{self.url}/api/v1/osrs",
            "GEPT_NEWS_URL": f"{self.url}/m=news/latest_news.rss?oldschool=true",
            "GEPT_CHANGES_URL": f"{self.url}/api.php",
            "GEPT_PLAYERS_URL": f"{self.url}/",
            "GEPT_CONTACT": "tests@gept.example",
        }

    def fault(self, path: str, kind: str, times: int = 1) -> None:
        """Let something go wrong with the next requests below a path."""
        self.faults += [(path, kind)] * times

    def paths(self) -> list[str]:
        """Return what was asked, in order."""
        return [each.path for each in self.asked]

    def take_fault(self, path: str) -> str:
        """Return what is to go wrong with a request, once."""
        for number, (prefix, kind) in enumerate(self.faults):
            if path.startswith(prefix):
                del self.faults[number]
                return kind
        return ""

    def body(self, path: str, query: dict[str, str], fault: str) -> bytes:
        """Return the true answer, or the one that a fault makes of it."""
        route = path.removeprefix("/api/v1/osrs/")
        if route in STEP:
            return _json(self._bucket(route, int(query["timestamp"]), fault), fault)
        if route == "latest":
            return _json({"data": {} if fault == "empty" else latest(int(self.now()) // 60)}, fault)
        if route == "mapping":
            return _json([] if fault == "empty" else self.items, fault)
        if path == "/api.php":
            return _json(self._changes(query), fault)
        if path.startswith("/m=news"):
            return feed(wording=self.wording)
        return f"<p>There are currently {self.players:,} people playing!</p>".encode()

    def _bucket(self, step: str, timestamp: int, fault: str) -> dict[str, Any]:
        size = STEP[step]
        if fault == "stale":
            timestamp -= size
        published = timestamp + size + self.lag <= self.now()
        if fault == "empty" or timestamp % size or timestamp < FIRST or not published:
            return {"data": {}}
        data = {k: v for k, v in bucket(step, timestamp).items() if k not in self.missing_items}
        return {"data": data, "timestamp": timestamp}

    def _changes(self, query: dict[str, str]) -> dict[str, Any]:
        limit, start = int(query["rclimit"]) // 10, int(query.get("rccontinue", "0"))
        newest = (start or int(self.now()) // 20) + 1
        rows = [change(number) for number in range(newest - 1, newest - 1 - limit, -1)]
        wanted = [row for row in rows if row["timestamp"] >= query["rcend"]]
        more = {"continue": {"rccontinue": str(newest - 1 - limit), "continue": "-||"}}
        return {**(more if len(wanted) == limit else {}), "query": {"recentchanges": wanted}}


def _json(value: Any, fault: str) -> bytes:
    if fault.startswith("spoil:"):
        value = spoiled(value, fault.removeprefix("spoil:"))
    return json.dumps(value, separators=(",", ":")).encode()


CHANGED: dict[str, Callable[[int], Any]] = {
    "text": str,
    "negative": lambda number: -number - 1,
    "huge": lambda number: 2**70 + number,
    "float": lambda number: number + 0.5,
}


def spoiled(value: Any, kind: str, every: int = 10) -> Any:
    """Return a body in which each tenth entry is spoiled in the way named."""
    entries = value["data"] if isinstance(value, dict) else value
    keys = list(entries) if isinstance(entries, dict) else range(len(entries))
    for key in list(keys)[::every]:
        if kind == "null":
            entries[key] = None
        elif kind == "bad_id":
            entries[f"item {key}"] = entries.pop(key)
        elif kind == "missing":
            entries[key] = dict(list(entries[key].items())[1:])
        elif kind == "extra":
            entries[key] = {**entries[key], "new": [1]}
        else:
            number = next(n for n, v in entries[key].items() if type(v) is int)
            entries[key] = {**entries[key], number: CHANGED[kind](entries[key][number])}
    return value


class Handler(BaseHTTPRequestHandler):
    """Answers as the services do."""

    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer a request, or do what a fault says."""
        services = self.server.services
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        agent = self.headers.get("User-Agent", "")
        services.asked.append(Asked(self.path, agent, self.headers.get("Authorization")))
        fault = services.take_fault(self.path)
        kind, _, argument = fault.partition(":")
        if kind == "status":
            code, _, wait = argument.partition(",")
            return self._reply(
                int(code), b"<html>error</html>", {"Retry-After": wait} if wait else {}
            )
        if kind == "redirect":
            return self._reply(302, b"", {"Location": argument})
        if kind == "hang":
            services.reached.set()
            services.release.wait(60)
        body = services.body(url.path, query, fault)
        body = {"html": b"<!doctype html><p>Maintenance", "truncate": body[: len(body) // 2]}.get(
            kind, body
        )
        body = (
            re.sub(rb'"(high\w*|avgHighPrice)":\d+', rb'"\1":NaN', body) if kind == "nan" else body
        )
        if kind == "xxe":
            body = b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><channel><item><title>&x;</title></item></channel></rss>'
        if kind == "bomb":
            return self._reply(200, _bomb(), {"Content-Encoding": "gzip"})
        if kind == "reset":
            return self._reply(200, body, {}, len(body) // 2)
        zipped = "gzip" in self.headers.get("Accept-Encoding", "")
        self._reply(
            200,
            gzip.compress(body) if zipped else body,
            {"Content-Encoding": "gzip"} if zipped else {},
        )
        return None

    def _reply(
        self, status: int, body: bytes, headers: dict[str, str], cut: int | None = None
    ) -> None:
        try:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[:cut])
        except OSError:
            cut = 0
        if cut is not None:
            self.close_connection = True


def _bomb() -> bytes:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(256)) + squeeze.flush()


class Server(ThreadingHTTPServer):
    """Serves until closed."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.services = Services(f"http://127.0.0.1:{self.server_port}")

    def handle_error(self, *_: Any) -> None:
        """Say nothing: a client may go whenever it likes."""
