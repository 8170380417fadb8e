"""HTML: the text that a reader of the page would see."""

from __future__ import annotations

from selectolax.lexbor import LexborHTMLParser


def text(body: bytes) -> str:
    """Return the text of a page, tags and entities resolved, white space made single."""
    tree = LexborHTMLParser(body)
    tree.strip_tags(["script", "style"])
    return " ".join((tree.body.text(separator=" ") if tree.body else "").split())
