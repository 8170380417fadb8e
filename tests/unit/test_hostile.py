"""Whatever is answered: no crash, no hang, no wrong row, and nothing lost in silence.

``python -m fuzz`` looks for more answers of that kind, without an end.
"""

from __future__ import annotations

import pytest
from answers import ANSWERS, BY_NAME, Answer, Unsure, document, survive
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

from gept.errors import GeptError
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
    "a long date": feed("", ["<item><guid>x</guid><pubDate>%s</pubDate></item>" % (", " * 900_000)]),
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
