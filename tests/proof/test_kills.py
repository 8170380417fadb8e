"""gept is killed at every step of a tick and started again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from proof.machine import stories
from proof.tables import differences

TESTS = Path(__file__).parents[1]
FEWEST_KILLS = 130
"""Of each story: 1,040 of all eight."""


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
    told = lives(folder, address, story, every)
    lives(folder, unharmed, story, 0, told["ticks"])

    assert differences(address, unharmed) == {}
    return told


@pytest.mark.parametrize("story", stories())
def test_killed_anywhere_it_loses_and_doubles_nothing(
    story: str, address: str, unharmed: str, tmp_path: Path
) -> None:
    told = kill_everywhere(story, 3, address, unharmed, tmp_path)

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
