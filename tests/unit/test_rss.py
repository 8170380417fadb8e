"""Feeds as they really are, and as attackers write them."""

from datetime import UTC, datetime

import pytest

from gept.decode import rss
from gept.errors import DecodeError


def one(inner: str, head: str = "") -> rss.Item:
    body = f"{head}<rss><channel><title>Feed</title><item>{inner}</item></channel></rss>"
    [item] = rss.read(body.encode("iso-8859-1")).items
    return item


def test_latin_1_entities_and_an_undeclared_namespace() -> None:
    item = one(
        "<title>Caf\u00e9 &amp; &#163;5&nbsp;&rsquo; </title><media:group><title>inner</title></media:group>",
        '<?xml version="1.0" encoding="ISO-8859-1"?>',
    )

    assert item.title == "Café & £5\u00a0’"


def test_text_that_is_marked_up_stays_text() -> None:
    assert (
        one("<description><![CDATA[<b>a</b> &lt;]]></description>").description == "<b>a</b> &lt;"
    )


def test_text_within_markup_is_part_of_it() -> None:
    assert one("<description>foo <b>bar</b> baz</description>").description == "foo bar baz"


def test_what_is_quoted_is_not_read() -> None:
    assert one("<title><![CDATA[a &nbsp; b]]>&nbsp;c</title>").title == "a &nbsp; b\u00a0c"


def test_what_is_not_there_is_none() -> None:
    assert one("<title> </title>") == rss.Item(None, None, None, None, None, None)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Sat, 20 Jun 2026 10:30:00 GMT", datetime(2026, 6, 20, 10, 30, tzinfo=UTC)),
        ("Sat, 20 Jun 2026 10:30:00 +0200", datetime(2026, 6, 20, 8, 30, tzinfo=UTC)),
        ("Sat, 20 Jun 2026 10:30:00 -0000", datetime(2026, 6, 20, 10, 30, tzinfo=UTC)),
        ("Sat, 20 Jun 2026", datetime(2026, 6, 20, tzinfo=UTC)),
        ("2026-06-20", datetime(2026, 6, 20, tzinfo=UTC)),
        ("2026-06-20T10:30:00Z", datetime(2026, 6, 20, 10, 30, tzinfo=UTC)),
        ("soon", None),
        ("Sat, 20 Jun 99999 00:00:00 GMT", None),
    ],
)
def test_dates(text: str, moment: datetime | None) -> None:
    assert one(f"<pubDate>{text}</pubDate>").published == moment


@pytest.mark.parametrize(
    "document",
    [
        '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE r SYSTEM "http://127.0.0.1:1/dtd">',
    ],
)
def test_document_types_are_refused(document: str) -> None:
    with pytest.raises(DecodeError, match="DTDForbidden"):
        one("<title>&x;</title>", f'<?xml version="1.0"?>{document}')
