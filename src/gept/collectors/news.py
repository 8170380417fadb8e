"""Official news and the wiki's changes, each half hour: why prices move."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple
from urllib.parse import quote

from msgspec import Meta, Raw, Struct, field

from ..decode.drift import unread
from ..decode.json import Amount, Name, Text, each, known
from ..decode.rows import distinct
from ..errors import DecodeError
from ..model import Collector, Decoded, Kind, Rejected, Request, Response, Resume, Row, Table, Tick
from ..schedule import Every
from ..sources import CHANGES, NEWS

if TYPE_CHECKING:
    from ..decode import rss

OFFICIAL, WIKI, WIKI_FEED = "official", "wiki", "wiki_feed"
DIFF = re.compile(r"[?&]diff=([1-9][0-9]{0,17})(?:&|$)")
WIKI_PAGE = "https://oldschool.runescape.wiki/w/"
FEED_ACTION = "feedrecentchanges"
FIRST_REACH = timedelta(hours=24)
OVERLAP = timedelta(minutes=10)
LONGEST_GUID = 1_000
LONGEST_CATEGORY = 500
NAMELESS = "it has no guid, link or title"


class News(NamedTuple):
    """One official post or one change of a wiki page; no editor is stored."""

    guid: str
    feed: str
    title: str | None
    link: str | None
    description: str | None
    category: str | None
    pub_date: datetime | None


class Change(Struct):
    """One recent change, as MediaWiki's ``list=recentchanges`` tells it."""

    unread: ClassVar[frozenset[str]] = frozenset(
        {"ns", "pageid", "old_revid", "comment", "titlehidden", "actionhidden", "suppressed"}
    )
    type: Name
    rcid: Amount
    timestamp: Annotated[datetime, Meta(tz=True)]
    title: Text | None = None
    revid: Amount = 0
    oldlen: Amount = 0
    newlen: Amount = 0

    def __post_init__(self) -> None:
        if self.timestamp.utcoffset():  # near the ends of the calendar it has no moment in UTC
            raise ValueError("Expected a time in UTC")


class Changes(Struct):
    """A page of recent changes, and where the next one begins."""

    unread: ClassVar[frozenset[str]] = frozenset(
        {"batchcomplete", "limits", "curtimestamp", "requestid", "servedby"}
    )
    query: dict[str, list[Raw]] = field(default_factory=dict)
    more: dict[str, str] = field(name="continue", default_factory=dict)
    error: dict[str, object] | None = None


def requests(tick: Tick) -> Iterator[Request]:
    """Ask for the feed, and for the wiki's changes since the newest that is stored.

    The ten minutes before it are asked for again, since an edit can turn up late.
    """
    yield Request(NEWS)
    since = tick.newest - OVERLAP if tick.newest else tick.at - FIRST_REACH
    yield Request(
        CHANGES,
        params={
            "action": "query",
            "list": "recentchanges",
            "rcprop": "title|ids|timestamp|sizes",
            "rctype": "edit|new|log",
            "rcnamespace": "0|112",
            "rclimit": 500,
            "rcend": f"{since:%Y-%m-%dT%H:%M:%SZ}",
            "format": "json",
            "formatversion": 2,
        },
    )


def instead(request: Request) -> Request | None:
    """Return the wiki's feed where its API refuses: it tells the newest fifty changes only.

    Its rows are marked, so that the API is asked for the same time again when it answers.
    """
    if request.source is not CHANGES:
        return None
    about: dict[str, str | int] = {"action": FEED_ACTION, "feedformat": "rss", "limit": 50}
    return Request(CHANGES, params={**about, "namespace": 0, "days": 7})


def decode(response: Response, tick: Tick) -> Decoded:
    """Return one row a post or a change, and the request for the next page of changes."""
    if response.request.params.get("action") == FEED_ACTION:
        return _feed(response)
    if response.request.source is CHANGES:
        return _changes(response)
    from ..decode import rss  # only the process that reads feeds pays for it

    feed = rss.read(response.body)
    nameless = [
        Rejected(f"item[{number}]", NAMELESS, asdict(item), Kind.MISSING_FIELD)
        for number, item in enumerate(feed.items)
        if not _has_name(item)
    ]
    rows = [_post(item) for item in feed.items if _has_name(item)]
    if not rows:
        raise DecodeError(f"{response.request} holds no post at all", rejected=nameless)
    posts, contradictions = distinct(rows)
    return Decoded(posts[::-1], nameless + contradictions, drift=feed.drift)


def _has_name(item: rss.Item) -> bool:
    return bool(item.guid or item.link or item.title)


def _post(item: rss.Item) -> Row:
    guid = item.guid or item.link or f"{item.title}\n{item.published}"
    return News(
        _bounded(guid),
        OFFICIAL,
        item.title,
        item.link,
        item.description,
        item.category and item.category[:LONGEST_CATEGORY],
        item.published,
    )


def _bounded(guid: str) -> str:
    """Return a guid short enough for an index, and still of one post only."""
    if len(guid.encode()) <= LONGEST_GUID:
        return guid
    return f"{guid[:200]}#{sha256(guid.encode()).hexdigest()}"


def _changes(response: Response) -> Decoded:
    page, drift = known(response.body, Changes)
    if page.error is not None or "recentchanges" not in page.query:
        said = f"the wiki has no changes in its answer, but {page.error}"
        raise DecodeError(said, drift=drift)
    asked, more = response.request, page.more.get("rccontinue")
    part = f" from {asked.params['rccontinue']}" if "rccontinue" in asked.params else ""
    read = each(page.query["recentchanges"], Change, "recentchanges")
    rows, contradictions = distinct(_change(one) for one in read.entries)
    rejected = [replace(one, where=one.where + part) for one in read.rejected + contradictions]
    following = Request(asked.source, asked.path, {**asked.params, "rccontinue": more or ""})
    drift += unread(page.query.keys() - {"recentchanges"}, "query.") + read.drift
    return Decoded(rows, rejected, following if more else None, drift)


def _feed(response: Response) -> Decoded:
    """Return the edits of the wiki's feed by their revisions; log entries have none there."""
    from ..decode import rss

    feed = rss.read(response.body)
    found = [(DIFF.search(item.guid or ""), item) for item in feed.items]
    links = [(f"{WIKI_PAGE}Special:Diff/{diff[1]}", item) for diff, item in found if diff]
    rows, contradictions = distinct(
        News(link, WIKI_FEED, item.title, link, None, "wiki_edit", item.published)
        for link, item in links
    )
    return Decoded(rows, contradictions, drift=feed.drift)


def _change(change: Change) -> Row:
    """Return a change, known by its revision, or by its number in the log where it has none."""
    page = WIKI_PAGE + quote((change.title or "").replace(" ", "_"))
    if change.type == "log" or not change.revid:
        link, guid = page, f"{page[:LONGEST_GUID]}#rc{change.rcid}"
    else:
        link = guid = f"{WIKI_PAGE}Special:Diff/{change.revid}"
    size = f"{change.newlen - change.oldlen:+d} bytes, {change.newlen} in all"
    at = change.timestamp
    return News(guid, WIKI, change.title, link, size, f"wiki_{change.type}", at)


COLLECTOR = Collector(
    name="news",
    about="news and wiki changes",
    source=NEWS,
    schedule=Every(timedelta(minutes=30)),
    table=Table("osrs_news", News, ("guid",), time="pub_date"),
    port=9102,
    requests=requests,
    decode=decode,
    worth=2,
    resume=Resume("feed", WIKI),
    instead=instead,
)
