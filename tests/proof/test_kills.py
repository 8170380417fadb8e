"""gept is killed at every step of a tick and started again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from services import Services, bucket
from system.conftest import Gept, get, until

from proof.machine import stories
from proof.tables import differences

TESTS = Path(__file__).parents[1]
EVERY = {"news": 6}
FEWEST_KILLS = 130
"""Of each story: 1,040 of all eight."""
QUICK = "&options=-csynchronous_commit%3Doff"
"""It is gept that dies: the server need not wait for its disk."""
BUCKETS = """
    SELECT extract(epoch FROM tick)::bigint, item_id, avg_high_price, high_price_volume,
        avg_low_price, low_price_volume
    FROM ledger LEFT JOIN price_data_5min ON timestamp = tick
    WHERE collector = '5m' AND status = 'done'
"""


def lives(folder: Path, *arguments: object) -> Any:
    """Let gept live, in a process without threads from which each life is forked."""
    done = subprocess.run(
        [sys.executable, "-m", "proof.lives", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def kill_everywhere(story: str, every: int, address: str, unharmed: str, folder: Path) -> Any:
    """Kill a story at each step, compare with the same ticks unharmed, and return the counts."""
    told = lives(folder, address + QUICK, story, every)
    lives(folder, unharmed + QUICK, story, 0, told["ticks"])

    assert differences(address, unharmed) == {}
    return told


@pytest.mark.timeout(300)
@pytest.mark.parametrize("story", stories())
def test_killed_anywhere_it_loses_and_doubles_nothing(
    story: str, address: str, unharmed: str, tmp_path: Path
) -> None:
    told = kill_everywhere(story, EVERY.get(story, 3), address, unharmed, tmp_path)

    assert told["kills"] >= FEWEST_KILLS
    assert 0 < told["committed"] < told["kills"]


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("story", stories())
def test_killed_at_every_single_step_it_loses_and_doubles_nothing(
    story: str, address: str, unharmed: str, tmp_path: Path
) -> None:
    told = kill_everywhere(story, 1, address, unharmed, tmp_path)

    assert told["kills"] > 2 * FEWEST_KILLS


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_the_whole_process_killed_at_random_moments_has_every_bucket_in_the_end(
    gept: Gept, upstream: Services, port: int
) -> None:
    gept.environ["GEPT_FIRST_HORIZON"] = "24h"
    random = Random(4)
    for _ in range(50):
        process = gept.start("up")
        enough = len(upstream.asked) + random.randint(1, 14)
        until(lambda enough=enough: len(upstream.asked) >= enough, 100)  # type: ignore[misc]
        process.kill()
        process.wait()
    gept.start("up")
    until(lambda: missing(port) == 0, 600)

    assert stored(gept) == served(stored(gept))


def missing(port: int) -> int | None:
    """Return how many ticks of the buckets are missing; None where nobody answers."""
    status, body = get(port, "/health")
    found = json.loads(body)["collectors"] if status else {}
    counts = [found[name]["ticks_missing"] for name in ("5m", "hourly") if name in found]
    return None if not counts or None in counts else sum(counts)


def stored(gept: Gept) -> dict[int, dict[str, list[int | None]]]:
    """Return each bucket that is stored: its items, and what is told of them."""
    found: dict[int, dict[str, list[int | None]]] = {}
    for line in gept.sql(BUCKETS).splitlines():
        tick, item, *values = line.split("|")
        found.setdefault(int(tick), {})[item] = [int(each) if each else None for each in values]
    assert len(found) >= 24 * 12 - 2
    return found


def served(ticks: Iterable[int]) -> dict[int, dict[str, list[int | None]]]:
    """Return what the services say of the same buckets."""
    return {
        tick: {item: list(sides.values()) for item, sides in bucket("5m", tick).items()}
        for tick in ticks
    }
