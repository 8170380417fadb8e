"""Answers as they never should be: true ones, spoiled in every way that we know of.

By a source with a fault, by a proxy, by a line that breaks, by an attacker. What is drawn is the
same each time, so that a failure shows itself again.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from html import escape
from typing import Any

from answers import Answer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

EXAMPLES = 350

Entry = tuple[str, str]
"""The key of an entry and its value as JSON; the key counts where the answer has keys."""


def hammer(
    strategy: st.SearchStrategy[Any], check: Callable[[Any], object], examples: int = EXAMPLES
) -> int:
    """Check much of what a strategy gives, the same each time; return how many checks ended."""
    count = 0

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def run(drawn: Any) -> None:
        nonlocal count
        check(drawn)
        count += 1

    run()
    return count


# -- JSON whose entries are spoiled -----------------------------------------------------------

NUMBERS = ["0", "-1", "-0", "1", "5.0", "5.5", "1e3", "1e400", "-1e400", "2147483647", "2147483648"]
NUMBERS += [str(2**63 - 1), str(2**63), str(2**64), str(-(2**63) - 1), str(2**70), "1615190400"]
NUMBERS += ["1795348800", "1795345200", "1795345201", "4102444800", "4102448400", "9" * 5000]
NUMBERS += ["9" * 4299, "-" + "9" * 4299]
TEXTS = [
    "",
    "5",
    "-5",
    "\0",
    "a\0b",
    "x" * 501,
    "\u202e",
    "\U0001f600",
    "e\u0301",
    "\ufeff",
    "\x7f",
]
TEXTS += ["2026-11-22T12:00:00Z", "2026-02-30T12:00:00Z", "0001-01-01T00:00:00+23:59", "now", "log"]
TEXTS += ["9999-12-31T23:59:59-23:59", "2026-11-22T12:00:00", "' OR 1=1 --", "<b>&amp;</b>", "NaN"]
OTHERS = ["null", "true", "false", "[]", "{}", "[null]", '{"data":{}}', "[" * 50 + "]" * 50]
BROKEN = ["NaN", "Infinity", "-Infinity", r'"\ud800"', r'"\udc00"', "01", "+1", ".5", "'x'", "\0"]
BROKEN += ["[" * 5000 + "]" * 5000, "[" * 5000, '"', "{", "}", "]", ",", '"\n"']
KEYS = ["item-2", "", "0", "-2", "02", "2.0", "2e0", " 2", "two", "\0", "\u0662", "2147483648"]
KEYS += ["9" * 30, "9" * 5000, "2147483647", "null"]

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.one_of(
    st.sampled_from(NUMBERS),
    st.sampled_from(TEXTS).map(json.dumps),
    st.sampled_from(OTHERS),
    st.integers(-(2**66), 2**66).map(str),
    text.map(json.dumps),
)
no_values = st.sampled_from(BROKEN)
new_names = st.sampled_from(["somethingNew", "data", "", "\0", "ID", "__class__"])
keys = st.one_of(st.integers(1, 9).map(str), st.sampled_from(KEYS))


@st.composite
def spoiled(draw: st.DrawFn, true: dict[str, Any], by: st.SearchStrategy[str]) -> str:
    """Return an entry with some of its fields spoiled, left out, added or said twice."""
    fields = [(name, json.dumps(value)) for name, value in true.items()]
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(fields) - 1))
        match draw(st.sampled_from(["spoil", "spoil", "spoil", "leave", "add", "twice"])):
            case "spoil":
                fields[at] = (fields[at][0], draw(by))
            case "leave" if len(fields) > 1:
                del fields[at]
            case "add":
                fields.append((draw(new_names), draw(by)))
            case _:
                fields.append((fields[at][0], draw(by)))
    return "{%s}" % ",".join(f"{json.dumps(name)}:{value}" for name, value in fields)


def entries(answer: Answer, by: st.SearchStrategy[str] = values) -> st.SearchStrategy[Entry]:
    """Return entries of an answer that are spoiled, true, or something else altogether."""
    true = st.sampled_from([value for _, value in _parts(answer)])
    bad = true.flatmap(lambda entry: spoiled(entry, by))
    return st.tuples(keys, st.one_of(bad, bad, bad, true.map(json.dumps), by))


def true_entries(answer: Answer) -> list[Entry]:
    """Return the entries of the true answer."""
    return [(key, json.dumps(value)) for key, value in _parts(answer)]


def _parts(answer: Answer) -> list[tuple[str, Any]]:
    assert answer.plain is not None
    return list(answer.plain.entries(json.loads(answer.payload)))


def assembled(answer: Answer, within: list[Entry]) -> bytes:
    """Return an answer with these entries and with what is truly around them."""
    keyed = "{%s}" % ",".join(f"{json.dumps(key)}:{value}" for key, value in within)
    listed = "[%s]" % ",".join(value for _, value in within)
    whole = {
        "latest": '{"data":%s}' % keyed,
        "5m": '{"data":%s,"timestamp":1795348800}' % keyed,
        "hourly": '{"data":%s,"timestamp":1795348800}' % keyed,
        "items": listed,
        "series": '{"data":%s,"itemId":2}' % listed,
        "changes": '{"query":{"recentchanges":%s}}' % listed,
    }
    return whole[answer.name].encode()


names = st.sampled_from(["data", "query", "recentchanges", "continue", "error", "itemId", "2"])
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | names,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(names | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
).map(lambda value: json.dumps(value).encode())


# -- feeds ------------------------------------------------------------------------------------

CHILDREN = ["title", "link", "guid", "description", "category", "pubDate", "dc:creator", "item"]
MARKUP = [
    "",
    " ",
    "&amp;",
    "&nbsp;&rsquo;",
    "&unknown;",
    "&#0;",
    "&#xD800;",
    "&#1114112;",
    "&",
    "<",
]
MARKUP += [
    "<![CDATA[<b>]]>",
    "<![CDATA[",
    "]]>",
    "<b>x</b>",
    "<item>",
    "</item>",
    "<!-- -->",
    "<?x?>",
]
MARKUP += ["\ufeff", "\U0001f600", "x" * 3000, "Sat, 20 Jun 2026 10:30:00 GMT", "Sat, 20 Jun 99999"]
MARKUP += [
    "Mon, 01 Jan 0001 00:00:00 +2359",
    "Fri, 31 Dec 9999 23:59:59 -2359",
    "20 Jun 2026",
    "0 0",
]
MARKUP += ["Sat, 20 Jun 2026 10:30:00 +" + "9" * 5000, "?diff=0", "?diff=007", "?diff=" + "9" * 30]
MARKUP += ["?a=1&amp;diff=12&amp;b=2", "<channel><item><guid>inner</guid></item></channel>"]
HEADS = [
    "",
    '<?xml version="1.0"?>',
    '<?xml version="1.0" encoding="ISO-8859-1"?>',
    "\ufeff",
    "\n\n",
]
HEADS += ['<?xml version="1.0" encoding="utf-16"?>', '<!DOCTYPE rss [<!ENTITY a "b">]>', "<!---->"]

written = st.one_of(st.sampled_from(MARKUP), text.map(escape))
children = st.tuples(st.sampled_from(CHILDREN), written).map(
    lambda it: "<%s>%s</%s>" % (*it, it[0])
)
feed_items = st.lists(children, max_size=6).map(lambda inner: "<item>%s</item>" % "".join(inner))
heads = st.sampled_from(HEADS)


def post(number: int) -> str:
    """Return a good item of a feed."""
    guid = f"https://example.org/w?title=A&amp;diff={number}&amp;oldid=1"
    date = "Sat, 20 Jun 2026 10:30:00 GMT"
    return f"<item><title>T{number}</title><guid>{guid}</guid><pubDate>{date}</pubDate></item>"


def feed(head: str, items: list[str]) -> bytes:
    """Return a feed of some items."""
    return f"{head}<rss><channel>{''.join(items)}</channel></rss>".encode()


# -- the page ---------------------------------------------------------------------------------

COUNTS = ["", "-5", "1.5", "0x10", "\u0661\u0662", "many", "9" * 5000, "1e6", "NaN", "0", "00"]
COUNTS += ["0" * 30 + "131,884", "007", "1,3,5", "13188,4", ",5", "5,", "1 000", "5,000,001"]

counts = st.one_of(
    st.integers(0, 10**7).map("{:,}".format),
    st.integers(0, 10**7).map(str),
    st.sampled_from(COUNTS),
)
wraps = st.sampled_from(["%s", "<b>%s</b>", "<!-- -->%s", "<script>%s</script>", "%s<br>"])


def page(count: str, wrap: str = "%s") -> bytes:
    """Return a page with the sentence that tells the count."""
    return f"<p>There are currently {wrap % escape(count)} people playing!</p>".encode()


# -- any answer -------------------------------------------------------------------------------

CODES = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "utf-7", "cp037", "latin-1"]
OTHER_BODIES = [
    b"",
    b"\0",
    b" " * 1000,
    b"null",
    b"0",
    b'""',
    b"<html><h1>503</h1></html>",
    b"\xff\xfe",
]
OTHER_BODIES += [
    b"[" * 100_000,
    b'{"data":' * 10_000,
    b"<rss>" * 10_000,
    b"\x1f\x8b\x08\0",
    b"{}" * 9,
]


def damaged(body: bytes) -> st.SearchStrategy[bytes]:
    """Return a body cut, spliced, overwritten, turned to another encoding, or packed."""
    place = st.integers(0, len(body))
    return st.one_of(
        place.map(lambda at: body[:at]),
        place.map(lambda at: body[at:]),
        st.tuples(place, place).map(lambda cut: body[: cut[0]] + body[cut[1] :]),
        st.tuples(place, st.binary(min_size=1, max_size=9)).map(
            lambda it: body[: it[0]] + it[1] + body[it[0] + len(it[1]) :]
        ),
        st.sampled_from(CODES).map(lambda code: body.decode("latin-1").encode(code, "replace")),
        st.just(gzip.compress(body, mtime=0)),
        st.integers(2, 50).map(lambda times: body * times),
    )


def bodies(answer: Answer) -> st.SearchStrategy[bytes]:
    """Return anything that could come in place of an answer."""
    either = [damaged(answer.payload), st.sampled_from(OTHER_BODIES), st.binary(max_size=200)]
    if answer.plain is not None:
        within = st.lists(entries(answer), max_size=6)
        either += [within.map(lambda found: assembled(answer, found)), any_json]
    elif answer.name == "players":
        either += [st.tuples(counts, wraps).map(lambda drawn: page(*drawn))]
    else:
        items = st.lists(st.one_of(feed_items, st.integers(101, 109).map(post)), max_size=5)
        either += [st.tuples(heads, items).map(lambda drawn: feed(*drawn))]
    return st.one_of(*either)
