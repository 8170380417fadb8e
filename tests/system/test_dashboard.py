"""``gept dashboard``: a process that shows what others collect."""

from __future__ import annotations

import json
import signal
from typing import Any

from system.conftest import Gept, free_port, get, until


def verdict(port: int) -> tuple[int, list[str]]:
    status, body = get(port, "/health")
    return status, json.loads(body)["reasons"] if body else []


def test_it_shows_who_collects_and_tells_when_nobody_does(gept: Gept, port: int) -> None:
    collecting = gept.start("collect", "players", METRICS_PORT=str(free_port()))
    shown = gept.start("dashboard", "players")
    until(lambda: verdict(port) == (200, []))

    told: Any = until(lambda: leaders(port))
    assert [each["name"] for each in told["tables"]] == ["player_counts"]
    assert told["collectors"][0]["led_by"][0].endswith(f":{collecting.pid}")
    assert [each["pid"] for each in told["processes"]] == [collecting.pid]

    collecting.send_signal(signal.SIGTERM)
    assert collecting.wait(10) == 0
    until(lambda: verdict(port)[0] == 503)

    assert verdict(port)[1][-1] == ("players: no process follows it; start gept collect players")
    shown.send_signal(signal.SIGTERM)
    assert shown.wait(10) == 0


def leaders(port: int) -> Any:
    told = json.loads(get(port, "/api/status")[1])
    return told if told["collectors"][0]["led_by"] else None


def test_it_is_not_shown_to_others_unasked(gept: Gept) -> None:
    done = gept("dashboard", BIND_ADDRESS="0.0.0.0")

    assert done.returncode == 2
    assert "DASHBOARD_TOKEN: is not set, but BIND_ADDRESS '0.0.0.0' shows" in done.stderr


def test_an_unknown_collector_is_a_sentence(gept: Gept) -> None:
    done = gept("dashboard", "player")

    assert (done.returncode, done.stdout) == (2, "")
    assert "'player' is no collector; there are 5m, " in done.stderr
