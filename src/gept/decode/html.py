"""HTML: the text that a reader of the page would see."""

from __future__ import annotations

LONGEST = 2**17
"""So much of a page is read. The parser's time grows with the square of some pages' length."""


def text(body: bytes) -> str:
    """Return the text of a page, tags and entities resolved, white space made single."""
    from selectolax.lexbor import LexborHTMLParser  # only the process that reads pages pays for it

    tree = LexborHTMLParser(body[:LONGEST])
    tree.strip_tags(["script", "style"])
    return " ".join((tree.body.text(separator=" ") if tree.body else "").split())
