"""The dashboard in a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from stand import NOW, TOKEN, Stand, reading

from gept.errors import StoreAway
from gept.model import Collector

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

HOSTILE = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>"
WATCH = """
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (e) => violations.push(e.blockedURI));
"""
NARROW = {"width": 360, "height": 740}
Open = Callable[..., Any]


class Seen:
    """What a browser complained about, and where it went."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.asked: list[str] = []

    def follow(self, page: Any) -> None:
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text))
        page.on("request", lambda request: self.asked.append(request.url))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def visit(browser: Any, seen: Seen) -> Iterator[Open]:
    """Give what opens a dashboard in a new window, and see at the end that nothing was wrong."""
    opened = []

    def visit(stand: Stand, **context: Any) -> Any:
        page = browser.new_context(**context).new_page()
        page.add_init_script(WATCH)
        seen.follow(page)
        page.goto(stand.url)
        opened.append((page, stand))
        return page

    yield visit
    for page, stand in opened:
        assert page.evaluate("violations") == []
        page.context.close()
        assert [url for url in seen.asked if not url.startswith(stand.url)] == []


def rows(page: Any, table: str) -> list[list[str]]:
    page.wait_for_selector(f"#{table} td.number, #{table} td.quiet")
    found: list[list[str]] = page.evaluate(
        "id => [...document.querySelectorAll(`#${id} tr`)].map(r => [...r.cells].map(c => c.innerText))",
        table,
    )
    return found


def test_it_loads_and_tells_everything(
    collectors: dict[str, Collector], visit: Open, seen: Seen
) -> None:
    with Stand(collectors.values()) as stand:
        page = visit(stand)
        tables, shown = rows(page, "tables"), rows(page, "collectors")

        assert [row[0].split("\n")[0] for row in shown] == list(collectors)
        assert tables[0] == [
            "5-Minute Prices\nprice_data_5min",
            "healthy",
            "≈ 426,431,785",
            "6.0 GB",
            "6 min",
        ]
        assert rows(page, "gaps")[0][:4] == ["5m", "2026-11-22 10:25", "2026-11-22 11:25", "12"]
        assert rows(page, "processes")[0][1:4] == ["5m, items", "5m", "2"]
        assert page.inner_text("#verdict") == "healthy"
        assert page.inner_text("#updated") == "Last updated 12:31:20"
        assert page.title() == "GePT Data Factory"
        assert seen.complaints == []


def test_it_refreshes_by_itself(collectors: dict[str, Collector], visit: Open, seen: Seen) -> None:
    with Stand(collectors.values()) as stand:
        page = visit(stand)
        rows(page, "tables")
        stand.now = NOW + timedelta(minutes=30)
        stand.fails("5m", "HTTP 404")

        page.wait_for_selector("#verdict[data-status='unhealthy']")
        assert "5m: the newest good tick is of" in page.inner_text("#notes")
        assert rows(page, "collectors")[0][1] == "stale"
        assert rows(page, "collectors")[0][6] == "HTTP 404; backfill paused"
        assert seen.complaints == []


def test_what_sources_and_errors_say_is_text(
    collectors: dict[str, Collector], visit: Open, seen: Seen
) -> None:
    with Stand(collectors.values(), reading=reading(HOSTILE)) as stand:
        stand.now = NOW + timedelta(minutes=30)
        stand.fails("5m", HOSTILE)
        page = visit(stand)

        assert rows(page, "collectors")[0][6] == f"{HOSTILE}; backfill paused"
        assert rows(page, "gaps")[0][4] == f"source unreachable: {HOSTILE}"
        assert rows(page, "processes")[0][0].startswith(HOSTILE)
        assert HOSTILE in page.inner_text("#notes")
        assert page.evaluate("document.querySelectorAll('main img, main script').length") == 0
        assert page.title() == "GePT Data Factory"
        assert seen.complaints == []


def test_what_nobody_follows_is_not_shown_as_well(
    collectors: dict[str, Collector], visit: Open
) -> None:
    with Stand(collectors.values()) as stand:
        stand.health.fleet(stand.reading.processes)
        page = visit(stand)
        shown = {row[0].split("\n")[0]: row for row in rows(page, "collectors")}
        colour = "e => getComputedStyle(e).color"
        verdict, stopped, runs = (
            page.eval_on_selector(which, colour)
            for which in (
                "#verdict",
                "#collectors [data-status='not running']",
                "#collectors [data-status='healthy']",
            )
        )

        assert (shown["5m"][1], shown["5m"][6]) == (
            "healthy",
            "2026-11-22 11:20: quiet; backfill paused",
        )
        assert (shown["latest"][1], shown["latest"][3]) == ("not running", "–")
        assert stopped == verdict != runs


def test_times_stay_on_one_line_beside_a_long_reason(
    collectors: dict[str, Collector], visit: Open
) -> None:
    with Stand(collectors.values(), reading=reading("the source said nothing " * 30)) as stand:
        page = visit(stand, viewport={"width": 1280, "height": 900})
        rows(page, "gaps")
        lines = page.eval_on_selector_all(
            "#gaps td.time",
            """cells => cells.map(cell => {
                const range = document.createRange();
                range.selectNodeContents(cell);
                return range.getClientRects().length;
            })""",
        )

        assert lines == [1, 1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_of_it(
    scheme: str, collectors: dict[str, Collector], visit: Open, seen: Seen
) -> None:
    with Stand(collectors.values(), reading=reading("x" * 300)) as stand:
        stand.now = NOW + timedelta(minutes=30)
        stand.fails("5m", "y" * 300)
        page = visit(stand, viewport=NARROW, color_scheme=scheme)
        rows(page, "tables")
        widest = page.evaluate(
            "Math.max(...[...document.querySelectorAll('main *')].map(e => e.getBoundingClientRect().right))"
        )
        back = page.evaluate("getComputedStyle(document.body).backgroundColor")

        assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
        assert widest <= NARROW["width"]
        assert (back == "rgb(20, 22, 26)") is (scheme == "dark")
        assert seen.complaints == []


def test_the_token_is_asked_for_once(collectors: dict[str, Collector], visit: Open) -> None:
    with Stand(collectors.values(), TOKEN) as stand:
        page = visit(stand)
        page.fill("#token", "wrong, wrong, wrong")
        page.click("button")
        page.wait_for_url("**/login")
        page.fill("#token", TOKEN)
        page.click("button")

        assert len(rows(page, "collectors")) == len(collectors)
        page.reload()
        assert len(rows(page, "collectors")) == len(collectors)


def test_it_says_when_gept_is_gone(collectors: dict[str, Collector], visit: Open) -> None:
    with Stand(collectors.values()) as stand:
        page = visit(stand)
        rows(page, "tables")
        page.context.set_offline(True)

        page.wait_for_selector("#verdict[data-status='no answer']")
        assert "gept does not answer" in page.inner_text("#notes")
        page.context.set_offline(False)
        page.wait_for_selector("#verdict[data-status='healthy']")


class Away(Stand):
    """A dashboard whose database never answers."""

    def read(self) -> Any:
        """Fail as an absent database does."""
        raise StoreAway("nobody listens")


def test_what_an_absent_database_cannot_tell_is_not_called_well(
    collectors: dict[str, Collector], visit: Open
) -> None:
    with Away(collectors.values()) as stand:
        page = visit(stand)

        assert rows(page, "gaps") == [["Not known while the database is away."]]
        assert rows(page, "processes") == [["Not known while the database is away."]]
        assert "these figures are older: nobody listens" in page.inner_text("#notes")
