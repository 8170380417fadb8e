"""docker-compose.yml at work: each container turns healthy, rows arrive, a killed one comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gept.collectors import load_all
from system import containers
from system.conftest import get, until

SERVICES = {name: f"ge-{name}-collector" for name in load_all()}
TABLES = ("price_data_5min", "prices_1h", "prices_current", "osrs_news", "player_counts", "items")

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[containers.Trial]:
    """Bring everything up; skip where containers do not run."""
    found = containers.engine()
    if isinstance(found, str):
        pytest.skip(found)
    if why := containers.unusable(found[0]):
        pytest.skip(why)
    containers.build(found[0])
    trial = containers.Trial(*found, tmp_path_factory.mktemp("trial"))
    trial.prepare()
    try:
        trial.up("timescaledb", "simulator")
        until(partial(trial.healthy, "timescaledb"))
        trial.up("migrate")
        until(partial(trial.ended, "migrate"))
        trial.up(*SERVICES.values(), "dashboard")
        yield trial
    finally:
        trial.down()


def test_each_container_turns_healthy_and_rows_arrive(trial: containers.Trial) -> None:
    for service in (*SERVICES.values(), "dashboard"):
        until(partial(trial.healthy, service))
    until(lambda: get(trial.ports["dashboard"], "/health")[0] == 200, 120)

    told = json.loads(get(trial.ports["dashboard"], "/api/status")[1])
    rows = {each["name"]: each["latest"] for each in told["tables"]}
    assert {name for name in TABLES if rows[name] is None} == set()
    hosts = {each["name"]: each["led_by"][0].partition(":")[0] for each in told["collectors"]}
    assert hosts == {name: f"osrs-{name}-collector" for name in SERVICES}
    for name, service in SERVICES.items():
        assert f"gept_{name}_requests_total" in get(trial.ports[service], "/metrics")[1]


def test_a_container_may_do_little(trial: containers.Trial) -> None:
    service = SERVICES["5m"]

    assert trial.run(service, "id", "-u") == (0, "10001")
    assert "Read-only file system" in trial.run(service, "touch", "/opt/gept/x")[1]
    assert trial.run(service, "touch", "/data/x")[0] == 0
    assert trial.run(service, "grep", "CapBnd", "/proc/1/status")[1].split()[1] == "0" * 16
    assert trial.run(service, "grep", "NoNewPrivs", "/proc/1/status")[1].split()[1] == "1"
    environment = trial.run(service, "env")[1] + json.dumps(trial.log(service))
    assert "the secret" not in environment


def test_a_killed_one_comes_back(trial: containers.Trial) -> None:
    service = SERVICES["players"]
    until(partial(trial.healthy, service))
    before = trial.kill(service)

    def again() -> Any:
        return trial.state(service)["Pid"] not in {0, before} and trial.healthy(service)

    until(again)


def test_a_stopped_one_ends_by_itself_and_is_missed(
    trial: containers.Trial, tmp_path: Path
) -> None:
    service = SERVICES["items"]
    until(partial(trial.healthy, service))
    containers.said(trial.engine, "stop", "-t", "15", trial.container(service))

    assert trial.state(service)["ExitCode"] == 0
    until(lambda: "items: no process follows it" in get(trial.ports["dashboard"], "/health")[1])
