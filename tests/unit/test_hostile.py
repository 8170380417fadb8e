"""Whatever is answered: no crash, no hang, no wrong row, and nothing lost in silence.

``python -m fuzz`` looks for more answers of that kind, without an end.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from answers import ANSWERS, BY_NAME, HOUR, Answer, Unsure, document, survive
from hostile import (
    EXAMPLES,
    Entry,
    any_json,
    assembled,
    bodies,
    counts,
    entries,
    feed,
    feed_items,
    hammer,
    heads,
    no_values,
    page,
    post,
    true_entries,
    values,
    wraps,
)
from hypothesis import assume
from hypothesis import strategies as st

from gept.errors import DecodeError
from gept.model import Decoded, Kind
from gept.upstream.upstream import LARGEST

JSON = [each for each in ANSWERS if each.plain]
every = pytest.mark.parametrize("answer", ANSWERS, ids=lambda each: each.name)
each_json = pytest.mark.parametrize("answer", JSON, ids=lambda each: each.name)
each_feed = pytest.mark.parametrize("answer", [BY_NAME["news"], BY_NAME["feed"]])


@every
def test_an_answer_is_survived_wherever_it_ends(answer: Answer) -> None:
    body = answer.payload

    ends = [survive(answer, body[:end]) for end in range(len(body))]

    assert len(ends) == len(body)


@every
def test_an_answer_is_survived_whichever_bit_of_it_falls_over(answer: Answer) -> None:
    body = answer.payload

    for at in range(len(body)):
        flipped = bytearray(body)
        flipped[at] ^= 1 << at % 8
        survive(answer, bytes(flipped))


@every
def test_anything_is_survived(answer: Answer) -> None:
    assert hammer(bodies(answer), lambda body: survive(answer, body)) >= EXAMPLES


@each_json
def test_each_bad_entry_is_rejected_and_no_other(answer: Answer) -> None:
    def check(within: list[Entry]) -> None:
        body = assembled(answer, true_entries(answer)[:1] + within)

        assert survive(answer, body) is not None, "one bad entry refuses the whole answer"

    assert hammer(st.lists(entries(answer), max_size=6), check) >= EXAMPLES


@each_json
def test_a_bad_entry_leaves_the_rows_of_all_others_as_they_are(answer: Answer) -> None:
    true = true_entries(answer)
    alone = answer.read(assembled(answer, true)).rows

    def check(drawn: tuple[int, Entry]) -> None:
        at, bad = drawn
        assume(bad[0] not in dict(true) and is_no_row(answer, bad))

        decoded = answer.read(assembled(answer, [*true[:at], bad, *true[at:]]))

        assert decoded.rows == alone
        assert len(decoded.rejected) == 1

    drawn = st.tuples(st.integers(0, len(true)), entries(answer))
    assert hammer(drawn, check) >= EXAMPLES


def is_no_row(answer: Answer, entry: Entry) -> bool:
    assert answer.plain is not None
    try:
        return answer.plain.row(entry[0], document(entry[1].encode())) is None
    except Unsure:
        return False


@each_json
def test_an_entry_that_is_no_json_makes_no_wrong_row(answer: Answer) -> None:
    def check(within: list[Entry]) -> None:
        survive(answer, assembled(answer, within))

    broken = entries(answer, st.one_of(values, no_values))
    assert hammer(st.lists(broken, min_size=1, max_size=4), check) >= EXAMPLES


@each_json
def test_other_json_makes_no_wrong_row(answer: Answer) -> None:
    assert hammer(any_json, lambda body: survive(answer, body)) >= EXAMPLES


@each_feed
def test_an_odd_item_leaves_the_rows_of_all_others_as_they_are(answer: Answer) -> None:
    good = [post(number) for number in (101, 102, 103)]
    titles = {"T101", "T102", "T103"}

    def check(drawn: tuple[str, str, int]) -> None:
        head, odd, at = drawn
        alone = survive(answer, feed(head, good))
        beside = survive(answer, feed(head, [*good[:at], odd, *good[at:]]))
        if alone is not None and beside is not None:
            assert [row for row in beside.rows if row[2] in titles] == alone.rows
            assert len(beside.rows) + len(beside.rejected) == 4 or answer.name == "feed"

    assert hammer(st.tuples(heads, feed_items, st.integers(0, 3)), check) >= EXAMPLES


def test_a_page_tells_its_own_count_or_none() -> None:
    def check(drawn: tuple[str, str]) -> None:
        decoded = survive(BY_NAME["players"], page(*drawn))
        if decoded is not None:
            count = decoded.rows[0][1]
            assert drawn[0] in {f"{count:,}", f"{count}"}

    assert hammer(st.tuples(counts, wraps), check) >= EXAMPLES


BIG = {
    "open objects": b'{"data":' * LARGEST,
    "open lists": b"[" * LARGEST,
    "a long number": b'{"data":{"2":{"high":' + b"9" * LARGEST,
    "a long name": b'{"data":{"' + b"9" * (LARGEST - 20) + b'":null}}',
    "bad entries": b"[" + b"null," * (LARGEST // 5 - 1) + b"null]",
    "open quotes": b"<rss>" + b"<![CDATA[" * LARGEST,
    "entities": b"<rss>" + b"&nbsp;" * LARGEST,
    "ampersands": b"<rss>" + b"&a" * LARGEST,
    "open elements": b"<rss>" + b"<a>" * LARGEST,
    "items in items": b"<rss><channel>" + b"<item>" * LARGEST,
    "items": b"<rss><channel>" + b"<item/>" * (LARGEST // 7 - 20) + b"</channel></rss>",
    "a long attribute": b"<rss a='" + b"x" * LARGEST,
    "a long date": feed(
        "", ["<item><guid>x</guid><pubDate>%s</pubDate></item>" % (", " * 900_000)]
    ),
    "open blocks": b"<div>" * LARGEST,
    "open formats": b"".join(b"<b id=%d>" % number for number in range(200_000)) + b"<p>" * 100,
    "attributes": b"<a " + b" ".join(b"a%d=1" % number for number in range(300_000)) + b">",
    "links in blocks": b"<a><div>" * 200_000 + b"</a>" * 100_000,
    "half sentences": b"There are currently " * LARGEST,
    "digits": b"There are currently " + b"1" * LARGEST,
    "commas": b"There are currently 1" + b",111" * LARGEST,
}


@every
@pytest.mark.parametrize("big", BIG)
def test_the_largest_answers_take_no_time(answer: Answer, big: str) -> None:
    survive(answer, BIG[big][:LARGEST], at_most=10.0)


def test_these_are_at_least_twenty_thousand_answers() -> None:
    cut_or_flipped = 2 * sum(len(each.payload) for each in ANSWERS)
    drawn = EXAMPLES * (len(ANSWERS) + 4 * len(JSON) + 2 + 1)

    assert cut_or_flipped + drawn >= 20_000


# -- what was found so ------------------------------------------------------------------------


def read(name: str, within: list[str]) -> Decoded:
    return BY_NAME[name].read(
        assembled(BY_NAME[name], [(str(n), v) for n, v in enumerate(within, 1)])
    )


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 5000])
def test_a_number_that_no_reader_takes_costs_one_entry(number: str) -> None:
    good = '{"high":1,"highTime":null,"low":null,"lowTime":null}'

    decoded = read("latest", [good, good.replace("1", number)])

    assert [row[0] for row in decoded.rows] == [1]
    assert [(each.where, each.kind) for each in decoded.rejected] == [("2", Kind.OUT_OF_RANGE)]


@pytest.mark.parametrize("number", ["1e400", "9" * 5000])
def test_a_number_that_no_reader_takes_does_not_hide_new_fields(number: str) -> None:
    good = '{"high":1,"highTime":null,"low":null,"lowTime":null}'

    decoded = read("latest", [good, f'{good[:-1]},"new":{number}}}', good.replace("1", number)])

    assert (len(decoded.rows), len(decoded.rejected)) == (2, 1)
    assert decoded.drift == ["data.*.new: nobody reads it"]


def test_a_new_field_beside_the_entries_does_no_harm_where_a_number_is_too_large() -> None:
    good = '{"high":1,"highTime":null,"low":null,"lowTime":null}'
    body = b'{"new":1e400,"data":{"1":%s,"2":{"high":1e400}}}' % good.encode()

    decoded = BY_NAME["latest"].read(body)

    assert (len(decoded.rows), len(decoded.rejected)) == (1, 1)
    assert decoded.drift == ["new: nobody reads it"]


@pytest.mark.parametrize(
    "at", [1795348801, 1795348800 - 1800, 0, 1615190400 - 3600, 1795348800 + 7200]
)
def test_a_series_has_whole_hours_between_the_first_prices_and_now(at: int) -> None:
    sides = '"avgHighPrice":1,"highPriceVolume":1,"avgLowPrice":null,"lowPriceVolume":0'

    decoded = read(
        "series", ['{"timestamp":1795348800,%s}' % sides, '{"timestamp":%d,%s}' % (at, sides)]
    )

    assert [row[1] for row in decoded.rows] == [HOUR]
    assert [each.kind for each in decoded.rejected] == [Kind.OUT_OF_RANGE]


@pytest.mark.parametrize(
    "spoiled",
    [
        '"timestamp":"0001-01-01T00:00:00+23:59"',
        '"timestamp":"9999-12-31T23:59:59-23:59"',
        f'"oldlen":-{"9" * 4299},"newlen":{"9" * 4299}',
        '"revid":-5',
    ],
)
def test_a_change_that_cannot_be_is_rejected(spoiled: str) -> None:
    good = '{"type":"edit","rcid":5,"revid":7,"timestamp":"2026-11-22T12:00:00Z","title":"A"}'

    decoded = read("changes", [good, f"{good[:-1]},{spoiled}}}"])

    assert len(decoded.rows) == len(decoded.rejected) == 1


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("items", '{"id":2,"name":"%s","examine":null,"members":true}'),
        (
            "changes",
            '{"type":"edit","rcid":5,"revid":7,"timestamp":"2026-11-22T12:00:00Z","title":"%s"}',
        ),
    ],
)
def test_the_first_of_two_that_contradict_one_another_stands(name: str, entry: str) -> None:
    decoded = read(name, [entry % "A", entry % "B", entry % "A", entry % "C"])

    assert len(decoded.rows) == 1
    assert "A" in decoded.rows[0]
    assert len({each.where for each in decoded.rejected}) == 2
    assert {each.kind for each in decoded.rejected} == {Kind.OTHER}


def test_contradictions_of_two_pages_are_told_apart() -> None:
    good = '{"type":"edit","rcid":5,"revid":7,"timestamp":"2026-11-22T12:00:00Z","title":"A"}'
    page = BY_NAME["changes"]
    body = assembled(page, [("1", good), ("2", good.replace('"A"', '"B"'))])
    later = replace(page.request, params={**page.request.params, "rccontinue": "7|8"})

    first, second = page.read(body), replace(page, request=later).read(body)

    assert len({each.where for each in first.rejected + second.rejected}) == 2


def test_an_item_within_an_item_does_not_take_what_is_told_of_the_outer_one() -> None:
    inner = "<item><guid>inner</guid></item>"
    body = feed("", [f"<item><guid>outer</guid>{inner}<link>outer</link></item>"])

    [row] = BY_NAME["news"].read(body).rows

    assert (row[0], row[3]) == ("outer", "outer")


def test_a_revision_has_one_name_only() -> None:
    assert BY_NAME["feed"].read(feed("", ["<item><guid>?diff=007</guid></item>"])).rows == []


@pytest.mark.parametrize("count", ["000000000000000000000131,884", "007", "1,3,5"])
def test_a_count_that_nobody_would_write_is_none(count: str) -> None:
    with pytest.raises(DecodeError):
        BY_NAME["players"].read(page(count))
