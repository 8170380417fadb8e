"""RSS 2.0 as feeds really write it.

Read without namespaces, so that an undeclared one does no harm; a document type is refused, since
entities could read files or fill the memory; HTML's named entities, which XML does not know, are
written as numbers first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html.entities import name2codepoint
from io import BytesIO
from typing import Any
from xml.sax import SAXException
from xml.sax.handler import ContentHandler

from ..errors import DecodeError
from .drift import unread

ITEM = ["rss", "channel", "item"]
READ = frozenset({"title", "link", "guid", "description", "category", "pubDate"})
UNREAD = frozenset({"dc:creator", "enclosure", "comments", "author", "source"})
KNOWN_TO_XML = frozenset({"amp", "lt", "gt", "quot", "apos"})
# Quotes without an end last to the end of the feed, so that each is looked for only once.
ENTITY = re.compile(rb"<!\[CDATA\[.*?(?:\]\]>|\Z)|&([A-Za-z][A-Za-z0-9]{1,31});", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a feed; text is stripped, and None where there is none."""

    title: str | None
    link: str | None
    guid: str | None
    description: str | None
    category: str | None
    published: datetime | None


@dataclass(frozen=True, slots=True)
class Feed:
    """The items of a feed in its own order, and which of their elements nobody reads."""

    items: list[Item]
    drift: list[str]


def read(body: bytes) -> Feed:
    """Return the items of a feed, or raise DecodeError."""
    from defusedxml import DefusedXmlException  # only the process that reads feeds pays for it
    from defusedxml.sax import make_parser

    handler = _Items()
    parser = make_parser()
    parser.setContentHandler(handler)
    parser.forbid_dtd = True
    try:
        parser.parse(BytesIO(ENTITY.sub(_numbered, body.lstrip())))
    except (SAXException, DefusedXmlException, ValueError, LookupError) as error:
        raise DecodeError(f"not a feed: {type(error).__name__}: {error}") from error
    if handler.root != "rss":
        raise DecodeError(f"not a feed: its root is <{handler.root}>, not <rss>")
    return Feed([_item(found) for found in handler.found], unread(handler.strange, "item."))


def moment(text: str | None) -> datetime | None:
    """Return a date in any form that feeds use (UTC where it names no zone), None for others."""
    if not text:
        return None
    for read in (parsedate_to_datetime, datetime.fromisoformat, _date_only):
        try:
            at = read(text)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, IndexError, TypeError, OverflowError):
            continue
    return None


def _date_only(text: str) -> datetime:
    return datetime.strptime(text.rpartition(",")[2].strip(), "%d %b %Y").replace(tzinfo=UTC)


def _numbered(match: re.Match[bytes]) -> bytes:
    name = (match[1] or b"amp").decode("ascii")
    if name in KNOWN_TO_XML or name not in name2codepoint:
        return match[0]
    return b"&#%d;" % name2codepoint[name]


def _item(found: dict[str, str]) -> Item:
    texts = {name: value.replace("\0", "").strip() or None for name, value in found.items()}
    return Item(
        texts.get("title"),
        texts.get("link"),
        texts.get("guid"),
        texts.get("description"),
        texts.get("category"),
        moment(texts.get("pubDate")),
    )


class _Items(ContentHandler):
    """Gathers the text of each known child of each ``<item>``, with what is marked up in it."""

    def __init__(self) -> None:
        super().__init__()
        self.root: str | None = None
        self.found: list[dict[str, str]] = []
        self.strange: set[str] = set()
        self._inside: list[str] = []
        self._text: list[str] = []

    @property
    def _at_child(self) -> bool:
        """Whether the innermost element is a child of an item."""
        return len(self._inside) == len(ITEM) + 1 and self._inside[:-1] == ITEM

    def startElement(self, name: str, attrs: Any) -> None:
        self.root = self.root or name
        self._inside.append(name)
        if self._inside == ITEM:
            self.found.append({})
        if self._at_child:
            self._text.clear()

    def characters(self, content: str) -> None:
        self._text.append(content)

    def endElement(self, name: str) -> None:
        if self._at_child and name in READ:
            self.found[-1].setdefault(name, "".join(self._text))
        elif self._at_child and name not in UNREAD:
            self.strange.add(name)
        self._inside.pop()
