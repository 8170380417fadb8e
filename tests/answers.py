"""Each kind of answer that gept reads, and what holds of whatever is read out of it.

For JSON a second, plain reader says which rows an answer gives: slow, and written apart from
gept's own, so that the two check each other. The property tests and the fuzz targets share this.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import thread_time
from types import NoneType, UnionType
from typing import Any, get_args, get_type_hints
from urllib.parse import quote

from gept.collectors import five_minutes, hourly, items, latest, news, players
from gept.decode.buckets import Average
from gept.errors import GeptError
from gept.model import Collector, Decoded, Request, Response, Row, Tick
from gept.sources import CHANGES

PAYLOADS = Path(__file__).parent / "payloads"
HOUR = datetime(2026, 11, 22, 12, tzinfo=UTC)
READ = HOUR + timedelta(hours=1, minutes=4)
OLDEST = datetime(2021, 3, 8, tzinfo=UTC)
LONGEST_INDEXED = 2_600
WIKI = "https://oldschool.runescape.wiki/w/"

Predicate = Callable[[Any], bool]
Fields = dict[str, tuple[Predicate, bool]]


class Unsure(Exception):
    """The plain reader cannot say what an answer gives."""


@dataclass(frozen=True)
class Plain:
    """How the plain reader reads: where the entries are, and the row of one (None: it is none).

    ``key`` is the column that tells the rows of an answer apart.
    """

    entries: Callable[[Any], Iterable[tuple[str, Any]]]
    row: Callable[[str, Any], Row | None]
    key: int = 0


@dataclass(frozen=True)
class Answer:
    """A kind of answer: what it answers, a true one, how it is read, and how plainly."""

    name: str
    request: Request
    file: str
    collector: Collector
    plain: Plain | None = None

    @property
    def payload(self) -> bytes:
        """A true answer."""
        return (PAYLOADS / self.file).read_bytes()

    @property
    def record(self) -> type[Row]:
        """What its rows are."""
        return self.collector.table.record

    def read(self, body: bytes) -> Decoded:
        """Read a body as gept does."""
        response = Response(self.request, body, READ)
        if self.name == "series":
            return hourly.decode_series(response)
        return self.collector.decode(response, Tick(HOUR))


def survive(answer: Answer, body: bytes, at_most: float = 1.0) -> Decoded | None:
    """Read what may be anything; None where it is refused.

    Fails on any error but gept's own, on a row that cannot be, on a row too many or too few, and
    on a read that takes long (of the processor, so that a busy machine does not matter).
    """
    started = thread_time()
    try:
        decoded = answer.read(body)
    except GeptError as error:
        str(error).encode()
        return None
    finally:
        assert thread_time() - started < at_most, "it takes too long to read"
    for row in decoded.rows:
        check_row(answer, row)
    if answer.plain is not None:
        check_against(answer.plain, decoded, body)
    return decoded


# -- a row ------------------------------------------------------------------------------------


def check_row(answer: Answer, row: Row) -> None:
    """Fail where a row cannot be in its table."""
    hints = get_type_hints(answer.record)
    named = dict(zip(hints, row, strict=True))
    assert [name for name, hint in hints.items() if not fits(named[name], hint)] == [], row
    assert 1 <= named.get("item_id", 1) < 2**31
    assert all(len((named.get(name) or "").encode()) <= LONGEST_INDEXED for name in INDEXED)
    if answer.name == "series":
        assert OLDEST <= named["timestamp"] <= READ
        assert named["timestamp"].timestamp() % 3600 == 0
    elif "timestamp" in named:
        assert named["timestamp"] == HOUR


INDEXED = ("guid", "category", "name")
LIMITS: dict[type, Predicate] = {
    int: lambda number: 0 <= number < 2**63,
    str: lambda text: "\0" not in text.encode().decode(),
    datetime: lambda at: at.utcoffset() == timedelta(0),
    bool: lambda _: True,
    NoneType: lambda _: True,
}


def fits(value: Any, hint: Any) -> bool:
    """Tell whether a value is of a declared type, and within what the database holds of it."""
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return type(value) in kinds and LIMITS[type(value)](value)


# -- the plain reader -------------------------------------------------------------------------


def check_against(plain: Plain, decoded: Decoded, body: bytes) -> None:
    """Fail where gept reads other rows than the plain reader, or loses an entry."""
    try:
        rows, others = plainly(plain, body)
    except (Unsure, RecursionError):
        return
    assert [tuple(row) for row in decoded.rows] == rows
    assert len(decoded.rejected) == others


def plainly(plain: Plain, body: bytes) -> tuple[list[Row], int]:
    """Return the rows that an answer gives, and how many of its entries are none."""
    found = [plain.row(*entry) for entry in plain.entries(document(body))]
    first: dict[Any, Row] = {}
    for row in found:
        if row is not None:
            first.setdefault(row[plain.key], row)
    return [*first.values()], sum(row is None or first[row[plain.key]] != row for row in found)


class Object(dict[str, Any]):
    """An object of JSON; ``said`` keeps what it says twice."""

    def __init__(self, said: list[tuple[str, Any]]) -> None:
        super().__init__(said)
        self.said = said


def document(body: bytes) -> Any:
    """Return a body as JSON; numbers that are too large for anything are infinite."""
    return json.loads(
        body.decode(errors="replace"),
        object_pairs_hook=Object,
        parse_int=lambda text: int(text) if len(text) < 100 else math.inf,
    )


def amount(value: Any) -> bool:
    """Tell whether a value is a whole number of 63 bits."""
    return type(value) is int and 0 <= value < 2**63


def time(value: Any) -> bool:
    """Tell whether a value is a time before 2100 in seconds."""
    return type(value) is int and 0 <= value <= 4_102_444_800


def item_id(value: Any) -> bool:
    """Tell whether a value is the id of an item."""
    return type(value) is int and 1 <= value < 2**31


def text(value: Any) -> bool:
    """Tell whether a value is text without NUL, well encoded."""
    if isinstance(value, str) and "\ufffd" in value:
        raise Unsure
    return isinstance(value, str) and "\0" not in value


def name(value: Any) -> bool:
    """Tell whether a value is a text of some letters, but not too many."""
    return text(value) and 1 <= len(value) <= 500


def maybe(predicate: Predicate) -> Predicate:
    """Let a value be null as well."""
    return lambda value: value is None or predicate(value)


def holds(fields: Fields, value: Any) -> bool:
    """Tell whether a value is an object with these fields; unsure where only what is said last fits."""
    if not isinstance(value, Object) or [
        key for key, (_, needed) in fields.items() if needed and key not in value
    ]:
        return False
    if not all(fields[key][0](last) for key, last in value.items() if key in fields):
        return False
    if not all(fields[key][0](said) for key, said in value.said if key in fields):
        raise Unsure
    return True


SIDES: Fields = {
    "avgHighPrice": (maybe(amount), True),
    "highPriceVolume": (amount, True),
    "avgLowPrice": (maybe(amount), True),
    "lowPriceVolume": (amount, True),
}
TRADES: Fields = {
    "high": (maybe(amount), True),
    "highTime": (maybe(time), True),
    "low": (maybe(amount), True),
    "lowTime": (maybe(time), True),
}
MAPPED: Fields = {
    "id": (item_id, True),
    "name": (name, True),
    "examine": (maybe(text), True),
    "members": (lambda value: type(value) is bool, True),
    "icon": (maybe(text), False),
    **dict.fromkeys(("lowalch", "highalch", "value", "limit"), (maybe(amount), False)),
}
CHANGE: Fields = {
    "type": (name, True),
    "rcid": (amount, True),
    "timestamp": (lambda value: at(value) is not None, True),
    "title": (maybe(text), False),
    **dict.fromkeys(("revid", "oldlen", "newlen"), (amount, False)),
}
HOURS: Fields = {
    "timestamp": (lambda value: time(value) and not value % 3600 and _since_2021(value), True),
    **SIDES,
}


def _since_2021(seconds: int) -> bool:
    return OLDEST.timestamp() + 8 * 3600 <= seconds <= READ.timestamp()


USUAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)?", re.ASCII)


def at(value: Any) -> datetime | None:
    """Return a moment as the wiki writes it; unsure of forms that only others write."""
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d[Tt ]", value):
        return None
    if not (usual := USUAL.fullmatch(value)):
        raise Unsure
    if usual[1] is None or usual[1].strip("Z+-0:"):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def by_id(key: str) -> int | None:
    """Return a key as the id of an item, if it is one."""
    canonical = re.fullmatch(r"[1-9][0-9]{0,9}", key)
    return int(key) if canonical and item_id(int(key)) else None


def bucket_row(key: str, value: Any) -> Row | None:
    """Return the row of an item in a bucket."""
    if (item := by_id(key)) is None or not holds(SIDES, value):
        return None
    return (item, HOUR, *(value[field] for field in SIDES))


def latest_row(key: str, value: Any) -> Row | None:
    """Return the row of an item in a snapshot."""
    if (item := by_id(key)) is None or not holds(TRADES, value):
        return None
    high, low = moment(value["highTime"]), moment(value["lowTime"])
    return (item, HOUR, value["high"], high, value["low"], low)


def moment(seconds: int | None) -> datetime | None:
    """Return a moment."""
    return None if seconds is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(0, seconds)


def item_row(_: str, value: Any) -> Row | None:
    """Return the row of an item in the item list."""
    if not holds(MAPPED, value):
        return None
    page = WIKI + quote(value["name"].replace(" ", "_"))
    first = [value.get(field) for field in ("id", "name", "examine", "members")]
    worth = [value.get(field) for field in ("lowalch", "highalch", "value")]
    return (*first, *worth, page, value.get("limit"), value.get("icon"), HOUR, None)


def hour_row(_: str, value: Any) -> Row | None:
    """Return the row of an hour in the series of an item."""
    if not holds(HOURS, value):
        return None
    return Average(2, datetime.fromtimestamp(value["timestamp"], UTC), *(value[f] for f in SIDES))


def change_row(_: str, value: Any) -> Row | None:
    """Return the row of a change of the wiki."""
    if not holds(CHANGE, value):
        return None
    revision, kind, title = value.get("revid", 0), value["type"], value.get("title")
    link = WIKI + quote((title or "").replace(" ", "_"))
    guid = f"{link[:1000]}#rc{value['rcid']}"
    if kind != "log" and revision:
        guid = link = f"{WIKI}Special:Diff/{revision}"
    old, new = value.get("oldlen", 0), value.get("newlen", 0)
    size = f"{new - old:+d} bytes, {new} in all"
    return (guid, "wiki", title, link, size, f"wiki_{kind}", at(value["timestamp"]))


def keyed(answered: Any) -> Iterable[tuple[str, Any]]:
    """Return the entries of an answer that is about items by their ids."""
    return list(answered["data"].items())


def listed(answered: Any) -> Iterable[tuple[str, Any]]:
    """Return the entries of a list."""
    return [("", value) for value in answered]


PRICES = next(latest.requests(Tick(HOUR)))
FEED_OF_WIKI = news.instead(Request(CHANGES)) or PRICES
ANSWERS = [
    Answer("latest", PRICES, "latest.json", latest.COLLECTOR, Plain(keyed, latest_row)),
    Answer(
        "5m",
        next(five_minutes.requests(Tick(HOUR))),
        "5m.json",
        five_minutes.COLLECTOR,
        Plain(keyed, bucket_row),
    ),
    Answer(
        "hourly",
        next(hourly.requests(Tick(HOUR))),
        "hourly.json",
        hourly.COLLECTOR,
        Plain(keyed, bucket_row),
    ),
    Answer(
        "items",
        next(items.requests(Tick(HOUR))),
        "items.json",
        items.COLLECTOR,
        Plain(listed, item_row),
    ),
    Answer(
        "series",
        hourly.series(2),
        "series.json",
        hourly.COLLECTOR,
        Plain(lambda answered: listed(answered["data"]), hour_row, key=1),
    ),
    Answer(
        "changes",
        list(news.requests(Tick(HOUR)))[1],
        "changes.json",
        news.COLLECTOR,
        Plain(lambda answered: listed(answered["query"]["recentchanges"]), change_row),
    ),
    Answer("feed", FEED_OF_WIKI, "changes.rss", news.COLLECTOR),
    Answer("news", next(news.requests(Tick(HOUR))), "news.rss", news.COLLECTOR),
    Answer("players", next(players.requests(Tick(HOUR))), "players.html", players.COLLECTOR),
]
BY_NAME = {each.name: each for each in ANSWERS}
