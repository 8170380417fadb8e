"""A recorded payload of each source, and the rows that it must give."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gept.collectors import five_minutes, hourly, items, latest, news, players
from gept.errors import DecodeError, GeptError, NotYet
from gept.model import Collector, Request, Response, Tick
from gept.sources import CHANGES, NEWS, TOTAL

PAYLOADS = Path(__file__).parents[1] / "payloads"
HOUR = datetime(2026, 11, 22, 12, tzinfo=UTC)
READ = datetime(2026, 11, 22, 12, 0, 7, tzinfo=UTC)


def response(collector: Collector, body: bytes, tick: Tick = Tick(HOUR)) -> Response:  # noqa: B008
    return Response(next(iter(collector.requests(tick))), body, READ)


def read(collector: Collector, file: str) -> list[tuple[Any, ...]]:
    decoded = collector.decode(response(collector, (PAYLOADS / file).read_bytes()), Tick(HOUR))
    assert decoded.rejected == []
    return [tuple(row) for row in decoded.rows]


def test_five_minutes_with_sides_without_trade_and_a_price_beyond_32_bits() -> None:
    assert read(five_minutes.COLLECTOR, "5m.json") == [
        (2, HOUR, 193, 69275, 190, 3678),
        (6, HOUR, None, 0, 193000, 1),
        (8, HOUR, None, 0, 186999, 1),
        (20014, HOUR, 9199000000, 1, None, 0),
    ]


def test_an_hour() -> None:
    rows = read(hourly.COLLECTOR, "hourly.json")

    assert {row[1] for row in rows} == {HOUR}
    assert (20014, HOUR) in {row[:2] for row in rows}


def test_latest_is_stamped_with_the_minute_and_keeps_each_trade_time() -> None:
    rows = read(latest.COLLECTOR, "latest.json")

    assert rows[0] == (
        2,
        HOUR,
        191,
        datetime.fromtimestamp(1795352633, UTC),
        190,
        datetime.fromtimestamp(1795352633, UTC),
    )
    assert rows[3] == (2660, HOUR, 50000, datetime.fromtimestamp(1618883126, UTC), None, None)


def test_items_without_limit_with_limit_0_and_with_letters_beyond_ascii() -> None:
    rows = {row[0]: row for row in read(items.COLLECTOR, "items.json")}

    assert rows[10344] == (
        10344,
        "3rd age amulet",
        "Fabulously ancient mage protection enchanted in the 3rd Age.",
        True,
        20200,
        30300,
        50500,
        "https://oldschool.runescape.wiki/w/3rd_age_amulet",
        8,
        "3rd age amulet.png",
        HOUR,
        None,
    )
    assert rows[28226][8] is None
    assert rows[26602][8] == 0
    assert rows[29963][7] == "https://oldschool.runescape.wiki/w/Chichilihui_ros%C3%A9"


def test_a_page_gives_the_player_count_and_not_what_a_script_says() -> None:
    assert read(players.COLLECTOR, "players.html") == [(HOUR, 131884, READ)]


def test_a_feed_in_latin_1_with_an_unusual_namespace() -> None:
    rows = read(news.COLLECTOR, "news.rss")

    assert rows[-1][1:] == (
        "official",
        "The Blood Moon Rises   Known Issues & Fixes",
        "https://secure.runescape.com/m=news/the-blood-moon-rises---known-issues--fixes-2992253?oldschool=1",
        "We’re back – it costs £5…",
        "Events",
        datetime(2026, 11, 22, tzinfo=UTC),
    )
    assert len(rows) == 3


@pytest.mark.parametrize("of_wiki", [False, True])
def test_a_post_that_contradicts_another_of_its_guid_is_told(of_wiki: bool) -> None:
    guid = "https://a.example/w/index.php?diff=7"
    items = "".join(
        f"<item><guid>{guid}</guid><title>{title}</title></item>" for title in ("a", "a", "b")
    )
    body = f"<rss><channel>{items}</channel></rss>".encode()
    asked = Request(CHANGES, params={"action": news.FEED_ACTION}) if of_wiki else Request(NEWS)

    decoded = news.COLLECTOR.decode(Response(asked, body, READ), Tick(HOUR))

    assert [row[2] for row in decoded.rows] == ["a"]
    [contradiction] = decoded.rejected
    assert contradiction.reason == "comes again with other values"
    assert contradiction.value[2] == "b"


def changes(body: bytes) -> Any:
    asked = Request(CHANGES, params={"rcend": "x"})
    return news.COLLECTOR.decode(Response(asked, body, READ), Tick(HOUR))


def test_wiki_changes_name_their_continuation_and_no_editor() -> None:
    decoded = changes((PAYLOADS / "changes.json").read_bytes())
    by_category = {row[5]: row for row in decoded.rows}

    assert tuple(by_category["wiki_edit"]) == (
        by_category["wiki_edit"].guid,
        "wiki",
        by_category["wiki_edit"].title,
        by_category["wiki_edit"].guid,
        by_category["wiki_edit"].description,
        "wiki_edit",
        by_category["wiki_edit"].pub_date,
    )
    assert decoded.rows[0] == (
        "https://oldschool.runescape.wiki/w/Special:Diff/269302896",
        "wiki",
        "Oil lamp",
        "https://oldschool.runescape.wiki/w/Special:Diff/269302896",
        "+50 bytes, 1062 in all",
        "wiki_edit",
        datetime(2026, 11, 22, 13, 4, tzinfo=UTC),
    )
    assert decoded.rows[1][0].endswith("/w/Divine_magic_potion%282%29#rc89767631")
    assert decoded.more == Request(CHANGES, params={"rcend": "x", "rccontinue": "1795352643|14"})
    assert len({row[0] for row in decoded.rows}) == 14


def test_news_asks_for_what_came_since_the_newest_that_is_stored() -> None:
    fresh = list(news.requests(Tick(HOUR)))
    later = list(news.requests(Tick(HOUR, newest=datetime(2026, 11, 22, 11, 40, tzinfo=UTC))))

    assert [each.source for each in fresh] == [NEWS, CHANGES]
    assert fresh[1].params["rcend"] == "2026-11-21T12:00:00Z"
    assert later[1].params["rcend"] == "2026-11-22T11:30:00Z"


@pytest.mark.parametrize(
    "body", [b'{"data":{}}', b'{"data":{},"timestamp":null}', b'{"data":{},"timestamp":1795348800}']
)
def test_an_empty_bucket_is_not_there_yet(body: bytes) -> None:
    with pytest.raises(NotYet, match="no data yet"):
        five_minutes.COLLECTOR.decode(response(five_minutes.COLLECTOR, body), Tick(HOUR))


def test_the_bucket_before_is_not_taken_for_the_one_asked_for() -> None:
    body = (PAYLOADS / "5m.json").read_bytes().replace(b"1795348800", b"1795348500")

    with pytest.raises(NotYet, match="the bucket of 2026-11-22T11:55:00Z"):
        five_minutes.COLLECTOR.decode(response(five_minutes.COLLECTOR, body), Tick(HOUR))


SIDES = '"highPriceVolume":1,"avgLowPrice":null,"lowPriceVolume":0'


@pytest.mark.parametrize(
    ("key", "entry"),
    [
        ("3", "null"),
        ("3", "[]"),
        ("3", '{"avgHighPrice":"5",%s}' % SIDES),
        ("3", '{"avgHighPrice":-5,%s}' % SIDES),
        ("3", '{"avgHighPrice":5.5,%s}' % SIDES),
        ("3", '{"avgHighPrice":true,%s}' % SIDES),
        ("3", '{"avgHighPrice":9223372036854775808,%s}' % SIDES),
        ("3", "{%s}" % SIDES),
        ("3", '{"avgHighPrice":5,"highPriceVolume":null,"avgLowPrice":null,"lowPriceVolume":0}'),
        ("0", '{"avgHighPrice":5,%s}' % SIDES),
        ("-3", '{"avgHighPrice":5,%s}' % SIDES),
        ("three", '{"avgHighPrice":5,%s}' % SIDES),
        ("3.0", '{"avgHighPrice":5,%s}' % SIDES),
        ("2147483648", '{"avgHighPrice":5,%s}' % SIDES),
    ],
)
def test_a_bad_entry_is_rejected_alone(key: str, entry: str) -> None:
    body = '{"data":{"2":{"avgHighPrice":7,%s},"%s":%s},"timestamp":1795348800}' % (
        SIDES,
        key,
        entry,
    )

    decoded = five_minutes.COLLECTOR.decode(
        response(five_minutes.COLLECTOR, body.encode()), Tick(HOUR)
    )

    assert decoded.rows == [(2, HOUR, 7, 1, None, 0)]
    [rejected] = decoded.rejected
    assert rejected.where == key
    assert rejected.reason


def test_a_new_field_does_no_harm() -> None:
    body = '{"data":{"2":{"avgHighPrice":7,"new":{"a":[1]},%s}},"timestamp":1795348800}' % SIDES

    decoded = five_minutes.COLLECTOR.decode(
        response(five_minutes.COLLECTOR, body.encode()), Tick(HOUR)
    )

    assert (len(decoded.rows), decoded.rejected) == (1, [])


def test_data_without_a_time_are_refused() -> None:
    body = b'{"data":{"2":{"avgHighPrice":7,"highPriceVolume":1,"avgLowPrice":null,"lowPriceVolume":0}}}'

    with pytest.raises(DecodeError, match="does not tell which bucket"):
        five_minutes.COLLECTOR.decode(response(five_minutes.COLLECTOR, body), Tick(HOUR))


def test_a_post_without_anything_to_know_it_by_is_rejected() -> None:
    body = b"<rss><channel><item><link>l</link></item><item/></channel></rss>"

    decoded = news.COLLECTOR.decode(response(news.COLLECTOR, body), Tick(HOUR))

    assert (len(decoded.rows), len(decoded.rejected)) == (1, 1)


NO_ANSWERS = [
    b"",
    b"null",
    b"[]",
    b'"x"',
    b"{}",
    b'{"data":[]}',
    b'{"data":null}',
    b'{"data":{"2":{"avgHighPrice":NaN}}}',
    b'{"data":{"2":{',
    b"<!doctype html><title>Maintenance</title>",
    b"\xff\xfe",
    b'{"data":{"2":"\xed\xa0\x80"}}',
    b"[" * 100_000,
    b"\x1f\x8b broken",
    b'{"data":{},"timestamp":"now"}',
    b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "b">]><rss>&a;</rss>',
    b"<rss><channel></channel></rss>",
    b"<feed><entry/></feed>",
    b"<rss><channel><item></rss>",
    b'{"error":{"code":"ratelimited"}}',
    b'{"query":{"recentchanges":null}}',
    b"There are currently many people playing!",
    b"There are currently 99,999,999,999,999,999,999,999 people playing!",
]


@pytest.mark.parametrize("body", NO_ANSWERS)
def test_what_is_no_answer_is_told_by_name(body: bytes, collectors: dict[str, Collector]) -> None:
    for collector in collectors.values():
        for request in collector.requests(Tick(HOUR)):
            with pytest.raises(GeptError):
                collector.decode(Response(request, body, READ), Tick(HOUR))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("There are currently 0 people playing!", 0),
        ("There is currently 1 person playing!", 1),
        ("There are currently <b>97,001</b> people\n playing!", 97001),
        ("There are currently 240&#44;000 people playing!", 240000),
    ],
)
def test_player_counts_in_other_words(text: str, count: int) -> None:
    body = f"<p class='player-count'>{text}</p>".encode()

    assert players.decode(response(players.COLLECTOR, body), Tick(HOUR)).rows[0][1] == count


@pytest.mark.parametrize(
    ("count", "body", "doubtful"),
    [
        (131_884, b"jQuery(210000);", False),
        (131_884, b"jQuery123_456( 131884 );", False),
        (131_885, b"jQuery(131884);", True),
        (131, b"jQuery(210000);", True),
        (21_000, b"jQuery(210000);", False),
        (20_999, b"jQuery(210000);", True),
        (0, b"jQuery(20000);", False),
    ],
)
def test_a_player_count_is_held_against_the_total(count: int, body: bytes, doubtful: bool) -> None:
    assert players.COLLECTOR.witness is not None
    doubts = players.doubts([(HOUR, count, READ)], Response(Request(TOTAL), body, READ))

    assert (doubts is not None) == doubtful
    assert doubts is None or doubts.startswith(f"{count} players")


@pytest.mark.parametrize("body", [b"", b"jQuery();", b"jQuery(0);", b"<html>", b"jQuery(-5);"])
def test_a_total_that_is_none_is_told_by_name(body: bytes) -> None:
    with pytest.raises(DecodeError):
        players.doubts([(HOUR, 5, READ)], Response(Request(TOTAL), body, READ))


def test_a_guid_too_long_for_an_index_stays_one_of_its_own() -> None:
    def guid(end: str) -> str:
        body = f"<rss><channel><item><guid>{'x' * 5000}{end}</guid></item></channel></rss>"
        return str(
            news.COLLECTOR.decode(response(news.COLLECTOR, body.encode()), Tick(HOUR)).rows[0][0]
        )

    assert guid("a") != guid("b")
    assert len(guid("a")) < 1000


def test_a_post_without_guid_is_known_by_its_link_or_its_title() -> None:
    body = b"<rss><channel><item><link>l</link></item><item><title>t</title></item></channel></rss>"

    rows = news.COLLECTOR.decode(response(news.COLLECTOR, body), Tick(HOUR)).rows

    assert {row[0] for row in rows} == {"l", "t\nNone"}


def test_a_hidden_title_of_a_log_entry_is_no_fault() -> None:
    body = (
        b'{"query":{"recentchanges":[{"type":"log","rcid":5,"timestamp":"2026-11-22T12:00:00Z"}]}}'
    )

    assert changes(body).rows[0].title is None


def test_a_refusal_of_the_wiki_is_told() -> None:
    with pytest.raises(DecodeError, match="ratelimited"):
        changes(b'{"error":{"code":"ratelimited","info":"slow down"}}')


def test_the_usual_items_are_the_62_of_the_specification() -> None:
    assert len(set(hourly.HIGH_VOLUME_ITEMS)) == 62


def test_a_series_of_another_item_is_refused() -> None:
    asked = hourly.series(2)

    with pytest.raises(DecodeError, match="answered with item 3"):
        hourly.decode_series(Response(asked, b'{"data":[],"itemId":3}', READ))
