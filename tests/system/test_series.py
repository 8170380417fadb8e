"""What alerts and the dashboard of Grafana ask for is what a real gept serves."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gept.collectors import load_all
from system.conftest import Gept, get, until

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "rules" / "gept.yml"
NOW_AND_THEN = {"gept_http_retries_total", "gept_certificate_expires_timestamp"}

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not there: apt-get install prometheus"
)


def healthy(port: int) -> bool:
    return get(port, "/health")[0] == 200


@pytest.fixture
def scrape(gept: Gept, port: int) -> str:
    for command in (("once", "players"), ("backup",), ("backup", "verify")):
        assert gept(*command).returncode == 0
    process = gept.start("up")
    until(lambda: healthy(port) or process.poll() is not None)
    until(lambda: settled(get(port, "/metrics")[1]))
    return get(port, "/metrics")[1]


def settled(scrape: str) -> bool:
    return (
        'gept_leads{collector="5m"} 1.0' in scrape
        and 'gept_completeness_ratio{collector="5m",window="24h"} 1.0' in scrape
    )


def ruled() -> list[str]:
    return [
        rule["expr"]
        for each in yaml.safe_load(RULES.read_text())["groups"]
        for rule in each["rules"]
    ]


def shown() -> list[str]:
    board = json.loads((DEPLOY / "grafana" / "gept.json").read_text())
    found = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    return [
        query.replace("$__rate_interval", "5m").replace("${collector}", name)
        for query in found
        for name in (load_all() if "${collector}" in query else ["5m"])
    ]


def served(scrape: str) -> dict[str, set[str]]:
    """Return the labels of each series."""
    series: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^(gept_\w+)(?:\{(.*)\})? ", scrape, re.MULTILINE):
        series.setdefault(name, set()).update(re.findall(r"(\w+)=\"", labels))
    return series


def asked(query: str) -> Iterator[tuple[str, set[str]]]:
    for name, labels in re.findall(r"\b(gept_\w+)(?:\{([^}]*)\})?", query):
        yield name, set(re.findall(r"(\w+)\s*[=!]~?", labels))


def test_each_series_that_is_asked_for_is_served_with_its_labels(scrape: str) -> None:
    series = served(scrape)
    wanted = [pair for query in ruled() + shown() for pair in asked(query)]

    assert len(wanted) > 60
    assert {name for name, _ in wanted} - set(series) <= NOW_AND_THEN
    assert [
        (name, labels) for name, labels in wanted if name in series and labels - series[name]
    ] == []


def written(scrape: str, step: int) -> list[dict[str, str]]:
    """Return what was scraped as series for promtool that grow by a step a minute."""
    found = re.findall(r"^(gept_\w+(?:\{.*\})?) (\S+)$", scrape, re.MULTILINE)
    return [{"series": name, "values": f"{value}+{step}x200"} for name, value in found]


def promtool(folder: Path, tests: dict[str, Any]) -> None:
    file = folder / "tests.yml"
    file.write_text(json.dumps({"evaluation_interval": "1m", **tests}))
    done = subprocess.run(
        ["promtool", "test", "rules", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_each_query_of_the_dashboard_finds_something(scrape: str, tmp_path: Path) -> None:
    series = written(scrape, step=1)
    samples: list[dict[str, Any]] = [
        {
            "expr": f"count({query}) > bool 0",
            "eval_time": "90m",
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
        for query in shown()
    ]
    group = {"interval": "1m", "input_series": series, "promql_expr_test": samples}
    promtool(tmp_path, {"tests": [group]})


@needs_promtool
def test_no_alert_fires_while_all_is_well(scrape: str, tmp_path: Path) -> None:
    up = {"series": 'up{job="gept"}', "values": "1x200"}
    firing = {
        "expr": 'count(ALERTS{alertstate="firing"})',
        "eval_time": "180m",
        "exp_samples": [],
    }
    group = {
        "interval": "1m",
        "input_series": [up, *written(scrape, step=0)],
        "promql_expr_test": [firing],
    }

    promtool(tmp_path, {"rule_files": [str(RULES)], "tests": [group]})


def test_panels_of_the_dashboard_do_not_overlap() -> None:
    panels = json.loads((DEPLOY / "grafana" / "gept.json").read_text())["panels"]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(cells) == len(set(cells))
    assert {x for x, _ in cells} == set(range(24))
    assert len({panel["id"] for panel in panels}) == len(panels)
