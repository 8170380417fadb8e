"""How answers differ from what we know, and why an entry cannot be a row."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gept.collectors import five_minutes, hourly, items, latest, news
from gept.decode import rss
from gept.decode.json import digest
from gept.errors import DecodeError
from gept.model import Collector, Decoded, Kind, Request, Response, Tick
from gept.sources import CHANGES

PAYLOADS = Path(__file__).parents[1] / "payloads"
HOUR = datetime(2026, 11, 22, 12, tzinfo=UTC)
GOOD = {"avgHighPrice": 7, "highPriceVolume": 1, "avgLowPrice": None, "lowPriceVolume": 0}
ITEM = {"id": 1, "name": "a", "examine": "b", "members": True, "limit": 5, "value": 1}
WITHOUT = {name: value for name, value in GOOD.items() if name != "avgHighPrice"}


def decode(collector: Collector, body: bytes) -> Decoded:
    request = next(iter(collector.requests(Tick(HOUR))))
    return collector.decode(Response(request, body, HOUR), Tick(HOUR))


def bucket(*entries: Any, **envelope: Any) -> Decoded:
    data = {str(number): entry for number, entry in enumerate((GOOD, *entries), 2)}
    answer = {"data": data, "timestamp": int(HOUR.timestamp()), **envelope}
    return decode(five_minutes.COLLECTOR, json.dumps(answer).encode())


def changes(page: dict[str, Any], **params: str) -> Decoded:
    response = Response(Request(CHANGES, params=params), json.dumps(page).encode(), HOUR)
    return news.decode(response, Tick(HOUR))


@pytest.mark.parametrize(
    ("collector", "file"),
    [
        (five_minutes.COLLECTOR, "5m.json"),
        (hourly.COLLECTOR, "hourly.json"),
        (latest.COLLECTOR, "latest.json"),
        (items.COLLECTOR, "items.json"),
        (news.COLLECTOR, "news.rss"),
    ],
)
def test_a_true_answer_is_as_known(collector: Collector, file: str) -> None:
    assert decode(collector, (PAYLOADS / file).read_bytes()).drift == []


def test_a_true_page_of_changes_is_as_known() -> None:
    assert changes(json.loads((PAYLOADS / "changes.json").read_bytes())).drift == []


@pytest.mark.parametrize(
    ("entry", "kind", "differences"),
    [
        ({**GOOD, "new": {"a": [1]}}, None, ["data.*.new: nobody reads it"]),
        (WITHOUT, Kind.MISSING_FIELD, ["data.*.avgHighPrice: missing"]),
        (
            {**GOOD, "avgHighPrice": "5"},
            Kind.WRONG_TYPE,
            ["data.*.avgHighPrice: str where int | null is known"],
        ),
        ([], Kind.WRONG_TYPE, ["data.*: array where object is known"]),
        (
            {"data": GOOD},
            Kind.MISSING_FIELD,
            ["data.*.data: nobody reads it", "data.*.avgHighPrice: missing"],
        ),
        ({**GOOD, "avgHighPrice": -5}, Kind.OUT_OF_RANGE, []),
        ({**GOOD, "avgHighPrice": 2**63}, Kind.OUT_OF_RANGE, []),
        ({**GOOD, "avgHighPrice": 2**70}, Kind.OUT_OF_RANGE, []),
        (None, Kind.NULL_ENTRY, []),
    ],
)
def test_an_entry_tells_its_kind_and_its_difference(
    entry: Any, kind: Kind | None, differences: list[str]
) -> None:
    decoded = bucket(entry)

    assert [each.kind for each in decoded.rejected] == ([kind] if kind else [])
    assert len(decoded.rows) == (1 if kind else 2)
    assert decoded.drift == differences


@pytest.mark.parametrize("key", ["three", "-3", "0", "2147483648", "3\0", "x" * 9000])
def test_a_key_that_is_no_id_is_a_bad_id_and_fit_to_be_stored(key: str) -> None:
    body = {"data": {"2": GOOD, key: GOOD}, "timestamp": int(HOUR.timestamp())}

    [rejected] = decode(five_minutes.COLLECTOR, json.dumps(body).encode()).rejected

    assert rejected.kind is Kind.BAD_ID
    assert rejected.where.isprintable()
    assert len(rejected.where) < 100


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"name": ""}, Kind.OUT_OF_RANGE),
        ({"name": "x" * 501}, Kind.OUT_OF_RANGE),
        ({"name": "a\0"}, Kind.OTHER),
        ({"name": None}, Kind.WRONG_TYPE),
    ],
)
def test_a_text_tells_its_kind(change: dict[str, Any], kind: Kind) -> None:
    answer = [{**ITEM, "id": 2}, {**ITEM, **change}]

    [rejected] = decode(items.COLLECTOR, json.dumps(answer).encode()).rejected

    assert (rejected.where, rejected.kind, rejected.value) == ("[1]", kind, answer[1])


def test_new_fields_beside_the_data_are_drift() -> None:
    assert bucket(version=2).drift == ["version: nobody reads it"]


def test_a_difference_is_told_once_and_not_for_each_entry() -> None:
    spoilt = bucket(*[{**GOOD, "new": 1}] * 50, *[WITHOUT] * 7)

    assert spoilt.drift == ["data.*.new: nobody reads it", "data.*.avgHighPrice: missing"]


def test_names_of_fields_are_told_without_what_would_harm_a_terminal() -> None:
    assert bucket({**GOOD, "\x1b[2J\0": 1}).drift == [
        "data.*.'\\x1b[2J\\x00': nobody reads it",
    ]


def test_a_source_cannot_flood_us_with_differences() -> None:
    assert len(bucket({**GOOD, **{f"new{number}": 1 for number in range(10_000)}}).drift) < 100


def listed(count: int, **change: Any) -> list[str]:
    entries = [{**ITEM, "id": number, **change} for number in range(1, count + 1)]
    for entry in entries:
        for name in [name for name, value in entry.items() if value == "absent"]:
            del entry[name]
    return decode(items.COLLECTOR, json.dumps(entries).encode()).drift


def test_an_optional_field_is_missed_where_no_entry_of_many_has_it() -> None:
    always = {"icon": "i", "lowalch": 1, "highalch": 1}

    assert listed(100, **always) == []
    assert listed(100, **always, limit="absent") == ["[*].limit: in no entry any more"]
    assert listed(99, **always, limit="absent") == []
    assert listed(100, **always, limit=None) == []
    assert listed(100, **always, limit="absent", new=1) == [
        "[*].new: nobody reads it",
        "[*].limit: in no entry any more",
    ]


@pytest.mark.parametrize(
    ("body", "differences"),
    [
        (b'{"data":[],"timestamp":1}', ("data: array where object is known",)),
        (b"[]", ("the answer: array where object is known",)),
        (b'{"error":"x"}', ("data: missing",)),
        (b'{"data":{"2":{}}}', ("timestamp: missing", "data.*.avgHighPrice: missing")),
        (b"<!doctype html>", None),
        (b'{"data":{"2":{"avgHighPrice":NaN}}}', None),
    ],
)
def test_an_answer_of_another_shape_tells_the_difference(
    body: bytes, differences: tuple[str, ...] | None
) -> None:
    with pytest.raises(DecodeError) as told:
        decode(five_minutes.COLLECTOR, body)

    assert told.value.drift == differences


def test_what_nobody_reads_of_a_feed_is_told_but_for_what_is_known() -> None:
    item = "<guid>1</guid><dc:creator/><enclosure/><comments/><media:thing><b/></media:thing>"

    feed = rss.read(f"<rss><channel><ttl/><item>{item}</item></channel></rss>".encode())

    assert feed.drift == ["item.media:thing: nobody reads it"]


def test_a_nameless_post_is_kept_with_what_it_says() -> None:
    item = "<item><description>d</description></item>"
    body = f"<rss><channel><item><guid>1</guid></item>{item}{item}</channel></rss>"

    rejected = decode(news.COLLECTOR, body.encode()).rejected

    assert [each.where for each in rejected] == ["item[1]", "item[2]"]
    assert {each.kind for each in rejected} == {Kind.MISSING_FIELD}
    assert rejected[0].value["description"] == "d"


def test_changes_of_the_wiki_tell_new_fields_at_each_level() -> None:
    change = {"type": "edit", "rcid": 5, "timestamp": "2026-11-22T12:00:00Z", "ns": 0, "new": 1}
    page = {"query": {"recentchanges": [change, None], "others": []}, "warnings": {}}

    decoded = changes(page, rccontinue="7|8")

    assert decoded.drift == [
        "warnings: nobody reads it",
        "query.others: nobody reads it",
        "recentchanges[*].new: nobody reads it",
    ]
    assert [each.where for each in decoded.rejected] == ["recentchanges[1] from 7|8"]


def test_a_digest_is_of_the_data_alone() -> None:
    body = (PAYLOADS / "5m.json").read_bytes()
    data = json.dumps(json.loads(body)["data"]).encode()

    digests = {
        "later": digest(body.replace(b"1795348800", b"1795349100")),
        "changed": digest(body.replace(b"69275", b"69276")),
        "first": digest(b'{"data": %s, "timestamp": 1}' % data),
        "last": digest(b' { "timestamp" : 2 , "data" : %s } ' % data),
    }

    assert digests["later"] == digest(body) != digests["changed"]
    assert digests["first"] == digests["last"]
    assert decode(five_minutes.COLLECTOR, body).digest == digest(body)
    assert decode(latest.COLLECTOR, (PAYLOADS / "latest.json").read_bytes()).digest is None


@pytest.mark.parametrize("body", [b"", b"}", b"{}", b'"data"', b"}}{"])
def test_a_digest_of_anything_is_no_error(body: bytes) -> None:
    assert len(digest(body)) == 8
