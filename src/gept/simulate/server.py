"""Serves the made-up market by the paths and parameters of the real services."""

from __future__ import annotations

import copy
import gzip
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import msgspec

from . import faults as broken
from .faults import Faults
from .market import BEGINNING, EDIT_EVERY, POST_EVERY, STEPS, Market

PRICES = "/api/v1/osrs"
POSTS = 15
LARGEST_PAGE = 500


@dataclass(slots=True)
class Clock:
    """Any clock: the real one, shifted by some seconds, and faster if need be."""

    offset: float = 0.0
    speed: float = 1.0
    start: float = 0.0

    def __call__(self) -> float:
        """Return the moment, in Unix seconds."""
        real = time.time()
        start = self.start or real
        return start + (real - start) * self.speed + self.offset


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that was made."""

    path: str
    agent: str
    authorization: str | None


class Server(ThreadingHTTPServer):
    """The services.

    ``lag`` is how many seconds after its end a bucket is published, ``day`` how many seconds an
    item list lasts.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        market: Market,
        port: int = 0,
        now: Callable[[], float] = time.time,
        lag: int = 12,
        day: int = 86400,
        address: str = "127.0.0.1",
    ) -> None:
        super().__init__((address, port), _Handler)
        self.market = market
        self.now = now
        self.lag = lag
        self.day = day
        self.faults = Faults()
        self.asked: list[Asked] = []
        self.wording = ""
        self.hanging = Event()
        self.released = Event()

    @property
    def url(self) -> str:
        """Where the services are, for this machine."""
        return f"http://127.0.0.1:{self.server_port}"

    def environ(self) -> dict[str, str]:
        """Return the settings that point gept here."""
        return {
            "GEPT_PRICES_URL": f"{self.url}{PRICES}",
            "GEPT_NEWS_URL": f"{self.url}/m=news/latest_news.rss?oldschool=true",
            "GEPT_CHANGES_URL": f"{self.url}/api.php",
            "GEPT_PLAYERS_URL": f"{self.url}/",
            "GEPT_TOTAL_URL": f"{self.url}/player_count.js?varname=iPlayerCount&callback=jQuery",
        }

    def start(self) -> Thread:
        """Serve in a thread, until ``stop``."""
        thread = Thread(target=self.serve_forever, args=(0.05,), name="simulator", daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """Stop serving; what hangs goes on."""
        self.released.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client may go whenever it likes."""

    # What is answered, path by path.

    def answer(self, path: str, query: dict[str, str], fault: str) -> Any:
        """Return a value for JSON, bytes for anything else, or None for an unknown path."""
        match path.removeprefix(f"{PRICES}/"):
            case "5m" | "1h" as step:
                found: Any = self._bucket(step, query, fault)
            case "latest":
                found = self._latest(query, fault)
            case "mapping":
                found = [] if fault == "empty" else self.market.mapping(int(self.now()) // self.day)
            case "timeseries":
                found = self._series(query)
            case "/api.php" | "/w/api.php":
                found = self._recent_changes(query)
            case "/m=news/latest_news.rss":
                found = self._feed()
            case "/player_count.js":
                found = self._total(query.get("callback", "callback"))
            case _:
                found = self._page() if path == "/" else None
        return found

    def body(self, path: str, query: dict[str, str], fault: str = "") -> bytes:
        """Return an answer as it goes over the wire, before it is packed."""
        value = self.answer(path, query, fault)
        if isinstance(value, bytes):
            return value
        return json.dumps(value, separators=(",", ":")).encode()

    def newest(self, step: str) -> int:
        """Return the start of the newest published bucket."""
        size = STEPS[step]
        return int(self.now() - self.lag) // size * size - size

    def _bucket(self, step: str, query: dict[str, str], fault: str) -> Any:
        size = STEPS[step]
        at = int(query.get("timestamp") or self.newest(step)) - (size if fault == "stale" else 0)
        if fault == "empty" or at % size or not BEGINNING <= at <= self.newest(step):
            return {"data": {}}
        of = at - size if fault == "repeat" else at
        return {"data": copy.deepcopy(self.market.bucket(step, of)), "timestamp": at}

    def _latest(self, query: dict[str, str], fault: str) -> Any:
        data = {} if fault == "empty" else self.market.latest(int(self.now()) // 60)
        return {"data": {k: v for k, v in data.items() if query.get("id", k) == k}}

    def _series(self, query: dict[str, str]) -> Any:
        step, item = query.get("timestep", ""), query.get("id", "")
        if step not in STEPS or not item.isdigit():
            return None
        return {
            "data": self.market.series(int(item), step, self.newest(step)),
            "itemId": int(item),
        }

    def _recent_changes(self, query: dict[str, str]) -> Any:
        if query.get("action") == "feedrecentchanges":
            return self._changes_feed()
        limit = min(int(query.get("rclimit", "10")), LARGEST_PAGE)
        first = int(query.get("rccontinue") or int(self.now()) // EDIT_EVERY)
        rows = [self.market.change(number) for number in range(first, first - limit, -1)]
        wanted = [row for row in rows if row["timestamp"] >= query.get("rcend", "")]
        more = {"continue": {"rccontinue": str(first - limit), "continue": "-||"}}
        return {**(more if len(wanted) == limit else {}), "query": {"recentchanges": wanted}}

    def _feed(self) -> bytes:
        """Return the news: latin-1, an odd namespace, unsorted, entities; the first reworded."""
        newest = int(self.now()) // POST_EVERY
        posts = [self.market.post(newest - number, self.wording) for number in range(POSTS)]
        posts.insert(7, posts.pop(0))
        items = "".join(
            f"<item><title>{escape(post['title'])}</title><dc:creator></dc:creator>"
            f"<description>{escape(post['description'])}&#8217;&nbsp;</description>"
            f"<category>{post['category']}</category><link>{post['link']}</link>"
            f'<pubDate>{post["pubDate"]}</pubDate><guid isPermaLink="true">{post["link"]}</guid>'
            "</item>"
            for post in posts
        )
        head = '<?xml version="1.0" encoding="ISO-8859-1"?>\n<rss version="2.0"><channel>'
        text = f"{head}<title>Old School RuneScape Recent News</title>{items}</channel></rss>"
        return text.encode("iso-8859-1", "xmlcharrefreplace")

    def _changes_feed(self) -> bytes:
        newest = int(self.now()) // EDIT_EVERY
        items = "".join(
            _feed_item(self.market.change(number)) for number in range(newest, newest - 50, -1)
        )
        return f'<?xml version="1.0"?><rss version="2.0"><channel>{items}</channel></rss>'.encode()

    def _total(self, callback: str) -> bytes:
        """Return how many people play both games."""
        return f"{callback}({self.market.total(int(self.now()) // 60)});".encode()

    def _page(self) -> bytes:
        players = self.market.players(int(self.now()) // 60)
        return (
            "<!doctype html><html><body><main class='main'><p class='player-count'>"
            f"There are currently {players:,} people playing!</p></main></body></html>"
        ).encode()


def _feed_item(change: dict[str, Any]) -> str:
    page = "https://oldschool.runescape.wiki/w/" + quote(change["title"].replace(" ", "_"))
    query = f"?diff={change['revid']}&oldid={change['old_revid']}"
    link = escape(page if change["type"] == "log" else page + query)
    at = datetime.fromisoformat(change["timestamp"]).astimezone(UTC)
    return (
        f"<item><title>{escape(change['title'])}</title><link>{link}</link>"
        f'<guid isPermaLink="false">{link}</guid><description>changed</description>'
        f"<pubDate>{at:%a, %d %b %Y %H:%M:%S} GMT</pubDate></item>"
    )


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return a moment, the present one unless told, by the server's clock."""
        return super().date_time_string(self.server.now() if timestamp is None else timestamp)

    def do_POST(self) -> None:
        """Take a fault: ``{"path": …, "fault": …, "times": …}``."""
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if self.path == "/_reset":
            self.server.faults.clear()
        elif self.path == "/_fault":
            try:
                wish = msgspec.json.decode(body, type=broken.Wish)
            except msgspec.DecodeError as error:
                return self._reply(400, f"{error}\n".encode(), {})
            self.server.faults.add(wish.path, wish.fault, wish.times)
        return self._reply(200, b"{}\n", {})

    def do_GET(self) -> None:
        """Answer as the service would, or as its fault does."""
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        headers = self.headers
        asked = Asked(self.path, headers.get("User-Agent", ""), headers.get("Authorization"))
        self.server.asked.append(asked)
        kind, _, argument = self.server.faults.take(self.path).partition(":")
        if kind == "status":
            code, _, wait = argument.partition(",")
            self._reply(int(code), broken.PAGE, {"Retry-After": wait} if wait else {})
        elif kind == "redirect":
            self._reply(302, b"", {"Location": argument})
        elif kind == "bomb":
            self._reply(200, broken.bomb(), {"Content-Encoding": "gzip"})
        else:
            self._answer(url.path, query, kind, argument)

    def _answer(self, path: str, query: dict[str, str], kind: str, argument: str) -> None:
        if kind == "hang":
            self.server.hanging.set()
            self.server.released.wait()
        value = self.server.answer(path, query, kind)
        if value is None:
            self._reply(404, broken.PAGE, {})
            return
        if kind == "spoil":
            value = broken.spoilt(value, argument)
        body = (
            value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
        )
        body = broken.damaged(body, kind)
        packed = "gzip" in self.headers.get("Accept-Encoding", "") and kind not in ("huge", "reset")
        encoding = {"Content-Encoding": "gzip"} if packed else {}
        self._reply(200, gzip.compress(body, 1) if packed else body, encoding, kind == "reset")

    def _reply(self, status: int, body: bytes, headers: dict[str, str], cut: bool = False) -> None:
        try:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if cut else body)
        except OSError:
            cut = True
        if cut:
            self.close_connection = True
