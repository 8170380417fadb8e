"""The dashboard as its clients see it: what is told, who is let in, what a browser may do."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from stand import NOW, TOKEN, Stand, T, reading

from gept.cli import status
from gept.cli.door import refuse_open_door
from gept.errors import SettingsError, StoreAway
from gept.model import Collector
from gept.settings import load
from gept.store import Neighbour, Size
from gept.web.board import Reading, in_words, judged

SHUT = ("/", "/api/status")
OPEN = ("/health", "/livez", "/readyz", "/metrics", "/dashboard.js", "/dashboard.css", "/icon.svg")


def test_tables_are_told_with_the_fields_of_the_earlier_dashboard(
    collectors: dict[str, Collector],
) -> None:
    with Stand(collectors.values()) as stand:
        told = stand.status()

    tables = {each["name"]: each for each in told["tables"]}
    assert tables["price_data_5min"] == {
        "name": "price_data_5min",
        "display": "5-Minute Prices",
        "collector": "5m",
        "rows": 426_431_785,
        "rows_are_estimated": True,
        "size": "6.0 GB",
        "size_bytes": 6_442_450_944,
        "latest": "2026-11-22T12:25:00+00:00",
        "age_seconds": 380.0,
        "status": "healthy",
    }
    assert {each for one in collectors.values() for each in one.tables} == set(tables)
    assert tables["items"]["status"] == "error"
    assert tables["items"]["error"] == "there is no table items; run `gept db migrate`"
    assert told["timestamp"] == NOW.isoformat()


def test_collectors_gaps_and_processes_are_told(collectors: dict[str, Collector]) -> None:
    with Stand(collectors.values()) as stand:
        stand.fails("5m", "HTTP 404")
        told = stand.status()

    five = next(each for each in told["collectors"] if each["name"] == "5m")
    assert five["error"] == five["last_error"] == "HTTP 404"
    assert five["last_error_at"] == T.isoformat()
    assert five["last_status"] == "failed"
    assert five["next_run"] == "2026-11-22T12:35:12+00:00"
    assert five["led_by"] == ["quiet:7"]
    assert five["backfill_paused_since"] == NOW.isoformat()
    assert told["gaps"][0]["cause"] == "failed"
    assert told["processes"][0]["spooled"] == 2
    assert told["containers"] == [
        {"name": "5m+items (quiet:7)", "status": "Up 180 minutes", "ports": ""}
    ]


def test_the_last_error_is_told_though_a_later_tick_went_well(
    collectors: dict[str, Collector],
) -> None:
    told = Stand(collectors.values(), reading=reading("HTTP 503"))
    told.board.look(told.read)
    shown = {each["name"]: each for each in told.board.told()["collectors"]}

    assert (shown["5m"]["error"], shown["5m"]["last_error"]) == (None, "HTTP 503")
    assert shown["5m"]["last_error_at"] == (T - timedelta(hours=1, minutes=5)).isoformat()
    assert (shown["hourly"]["last_error"], shown["hourly"]["last_error_at"]) == (None, None)


def test_what_no_process_follows_does_not_run_however_fresh_it_is(
    collectors: dict[str, Collector],
) -> None:
    stand = Stand(collectors.values())
    stand.health.fleet(stand.reading.processes)
    shown = {each["name"]: each for each in stand.board.told()["collectors"]}

    assert (shown["5m"]["status"], shown["5m"]["trouble"]) == ("healthy", None)
    assert shown["5m"]["next_run"] is not None
    assert (shown["latest"]["status"], shown["latest"]["next_run"]) == ("not running", None)
    assert shown["latest"]["trouble"].startswith("latest: no process follows it; ")


@pytest.mark.parametrize(
    ("seconds", "up"), [(60, "Up 1 minute"), (119, "Up 1 minute"), (120, "Up 2 minutes")]
)
def test_a_process_is_up_for_a_minute_or_for_minutes(
    collectors: dict[str, Collector], seconds: int, up: str
) -> None:
    said = reading()
    [process] = said.processes
    begun = replace(process, started_at=NOW - timedelta(seconds=seconds))
    with Stand(collectors.values(), reading=replace(said, processes=[begun])) as stand:
        [container] = stand.status()["containers"]

    assert container["status"] == up


@pytest.mark.parametrize(
    ("leads", "beats", "part"),
    [
        (["5m"], timedelta(0), "leads 5m"),
        ([], timedelta(0), "starts"),
        ([], timedelta(seconds=10), "stands by"),
    ],
)
def test_a_process_that_has_just_begun_does_not_stand_by(
    leads: list[str], beats: timedelta, part: str
) -> None:
    [process] = reading().processes
    seen = replace(process, leads=leads, started_at=NOW - beats, beat_at=NOW)

    told = {"collectors": [], "processes": [status._process(seen)], "reasons": []}

    assert status._table(told).splitlines()[-1].endswith(f"{part}, 2 answers wait on its disk")


def test_each_table_is_judged_by_its_own_schedule(collectors: dict[str, Collector]) -> None:
    def statuses(late: timedelta) -> dict[str, str]:
        return {
            name: judged(each, each.schedule.newest(NOW), NOW + late)
            for name, each in collectors.items()
        }

    in_half_an_hour, in_two_hours = statuses(timedelta(minutes=30)), statuses(timedelta(hours=2))

    assert in_half_an_hour["hourly"] == "healthy"
    assert in_half_an_hour["5m"] == "stale"
    assert in_two_hours["5m"] == "critical"
    assert in_two_hours["hourly"] == "stale"
    assert in_two_hours["items"] == "healthy"
    assert judged(collectors["5m"], None, NOW) == "critical"


def test_predictions_are_told_where_there_are_some(collectors: dict[str, Collector]) -> None:
    def told(predictions: Neighbour) -> Any:
        stand = Stand(collectors.values(), reading=replace(reading(), predictions=predictions))
        stand.board.look(stand.read)
        return stand.board.told()["tables"][-1]

    size = Size("predictions", True, 54_000_000, 6_442_450_944)
    fresh = told(Neighbour("predictions", size, NOW - timedelta(seconds=299)))
    others = [
        told(Neighbour("predictions", size, NOW - timedelta(seconds=age)))["status"]
        for age in (300, 3599, 3600)
    ]
    empty, ahead = (
        told(Neighbour("predictions", size, at)) for at in (None, NOW + timedelta(hours=1))
    )
    locked = told(Neighbour("predictions", error="lock timeout"))

    assert fresh == {
        "name": "predictions",
        "display": "ML Predictions",
        "collector": None,
        "rows": 54_000_000,
        "rows_are_estimated": True,
        "size": "6.0 GB",
        "size_bytes": 6_442_450_944,
        "latest": "2026-11-22T12:26:21+00:00",
        "age_seconds": 299.0,
        "status": "healthy",
    }
    assert others == ["stale", "stale", "critical"]
    assert (empty["status"], empty["age_seconds"]) == ("critical", None)
    assert (ahead["status"], ahead["age_seconds"]) == ("healthy", 0.0)
    assert (locked["status"], locked["error"], locked["rows"]) == ("error", "lock timeout", None)


def test_many_viewers_cost_one_reading_and_none_cost_none(
    collectors: dict[str, Collector], monkeypatch: pytest.MonkeyPatch
) -> None:
    for length in ("EVERY", "WAIT"):  # however slow the machine is that runs this
        monkeypatch.setattr(f"gept.web.board.{length}", 60.0)
    with Stand(collectors.values()) as stand:
        assert stand.reads == 0
        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(lambda _: stand.get("/api/status")[2], range(50)))

    assert stand.reads == 1
    assert len(set(answers)) == 1


def test_a_database_that_is_away_leaves_the_newest_figures(
    collectors: dict[str, Collector],
) -> None:
    stand = Stand(collectors.values())
    stand.board.look(stand.read)

    def away() -> Reading:
        raise StoreAway("gone")

    stand.board.look(away)
    told = stand.board.told()

    assert told["error"] == "gone"
    assert told["tables"][0]["rows"] == 426_431_785
    stand.board.look(stand.read)
    assert stand.board.told()["error"] is None


def test_before_anything_is_known_nothing_is_claimed(collectors: dict[str, Collector]) -> None:
    stand = Stand(collectors.values(), reading=Reading())
    told = stand.board.told()

    assert {(each["rows"], each["size"]) for each in told["tables"]} == {(None, None)}


def test_who_has_no_token_sees_no_data(collectors: dict[str, Collector]) -> None:
    with Stand(collectors.values(), TOKEN) as stand:
        for path in SHUT:
            assert stand.get(path)[0] == 401
            assert stand.get(path, Authorization="Bearer no")[0] == 401
            assert stand.get(path, Cookie=f"gept={TOKEN}")[0] == 401
        assert {stand.get(path)[0] for path in OPEN} == {200}
        page = stand.get("/")[2]

    assert stand.reads == 0
    assert b'action="/login"' in page
    assert b"dashboard.js" not in page


def test_the_token_opens_by_header_and_by_the_cookie_that_it_gives(
    collectors: dict[str, Collector],
) -> None:
    with Stand(collectors.values(), TOKEN) as stand:
        by_header = [stand.get(path, Authorization=f"Bearer {TOKEN}")[0] for path in SHUT]
        refused = stand.get("/login", b"token=wrong")
        status, headers, _ = stand.get("/login", f"token={TOKEN}".replace(" ", "+").encode())
        cookie = headers["set-cookie"].partition(";")[0]
        by_cookie = [stand.get(path, Cookie=cookie)[0] for path in SHUT]
        too_long = stand.get("/login", b"token=" + b"x" * 10_000)

    assert by_header == by_cookie == [200, 200]
    assert (status, headers["location"]) == (303, "/")
    assert TOKEN not in str(headers)
    assert "HttpOnly" in headers["set-cookie"]
    assert "SameSite=strict" in headers["set-cookie"]
    assert (refused[0], refused[1]["set-cookie"]) == (403, None)
    assert too_long[0] == 403


def test_a_cookie_ends_with_its_token(collectors: dict[str, Collector]) -> None:
    with Stand(collectors.values(), TOKEN) as stand:
        cookie = stand.get("/login", f"token={TOKEN}".replace(" ", "+").encode())[1]["set-cookie"]
    with Stand(collectors.values(), "another one, as long") as stand:
        assert stand.get("/", Cookie=cookie.partition(";")[0])[0] == 401


def test_another_token_holds_at_once_and_ends_the_cookies_of_the_last(
    collectors: dict[str, Collector],
) -> None:
    with Stand(collectors.values(), TOKEN) as stand:
        cookie = stand.get("/login", f"token={TOKEN}".encode())[1]["set-cookie"].partition(";")[0]
        stand.token = "another one, as long"
        by_old = [stand.get("/", Cookie=cookie), stand.get("/", Authorization=f"Bearer {TOKEN}")]
        by_new = stand.get("/", Authorization="Bearer another one, as long")

    assert [each[0] for each in by_old] == [401, 401]
    assert by_new[0] == 200


def test_browsers_are_told_to_run_nothing_else(collectors: dict[str, Collector]) -> None:
    with Stand(collectors.values()) as stand:
        answers = [stand.get(path)[1] for path in (*SHUT, *OPEN)]

    for headers in answers:
        assert headers["content-security-policy"].startswith("default-src 'none'; ")
        assert "unsafe" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["access-control-allow-origin"] is None


def test_nothing_comes_from_elsewhere_and_nothing_is_written_as_html() -> None:
    static = Path(sys.modules["gept.web"].__path__[0]) / "static"
    text = {each.name: each.read_text() for each in static.iterdir()}

    assert [name for name, each in text.items() if "//" in each.replace("\n//", "")] == ["icon.svg"]
    assert "HTML =" not in text["dashboard.js"]
    assert "insertAdjacentHTML" not in text["dashboard.js"]
    assert "style=" not in text["index.html"] + text["login.html"]


def test_sizes_in_words() -> None:
    sizes = (0, 1023, 1024, 1_500_000, 150 * 2**30, 72 * 2**30, 3 * 2**40)

    words = ["0 bytes", "1023 bytes", "1.0 kB", "1.4 MB", "150 GB", "72.0 GB", "3.0 TB"]
    assert [in_words(each) for each in sizes] == words


def test_others_need_a_token_unless_they_need_none(tmp_path: Path) -> None:
    def start(**environ: str) -> None:
        refuse_open_door(load(environ, tmp_path))

    for address in ("0.0.0.0", "::", "192.0.2.7"):
        with pytest.raises(SettingsError) as caught:
            start(BIND_ADDRESS=address)
        assert str(caught.value).startswith("DASHBOARD_TOKEN: is not set, but BIND_ADDRESS ")
        start(BIND_ADDRESS=address, DASHBOARD_TOKEN="0123456789abcdef")
        start(BIND_ADDRESS=address, DASHBOARD_OPEN="1")
    for address in ("localhost", "127.0.0.9", "::1"):
        start(BIND_ADDRESS=address)


@pytest.mark.parametrize(
    ("environ", "fault"),
    [
        ({"DASHBOARD_TOKEN": "short"}, "DASHBOARD_TOKEN: its value (not shown) is no good token; "),
        ({"DASHBOARD_OPEN": "yes"}, "DASHBOARD_OPEN: 'yes' is neither on nor off; set 1 or 0"),
        (
            {"DASHBOARD_OPEN": "1", "DASHBOARD_TOKEN": "0123456789abcdef"},
            "DASHBOARD_OPEN: '1' is set beside DASHBOARD_TOKEN; keep one of the two",
        ),
        ({"TLS_CERT_FILE": "c"}, "TLS_KEY_FILE: is not set, but TLS_CERT_FILE is; set both, or "),
        ({"TLS_KEY_FILE": "k"}, "TLS_CERT_FILE: is not set, but TLS_KEY_FILE is; set both, or "),
    ],
)
def test_wrong_settings_of_the_dashboard(
    environ: dict[str, str], fault: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(environ, tmp_path)

    assert str(caught.value).startswith(fault)


def test_the_present_is_told_and_not_the_time_of_the_reading(
    collectors: dict[str, Collector],
) -> None:
    stand = Stand(collectors.values())
    stand.now = NOW + timedelta(minutes=5)
    before = stand.board.told()["collectors"][0]["lag_seconds"]

    assert before == 300
    assert stand.board.told()["tables"][0]["latest"] == T.isoformat()
