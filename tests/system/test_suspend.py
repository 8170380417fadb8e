"""A process that is stopped for a while, as by Ctrl-Z, a debugger or the lid of a laptop."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from services import Services

from system.conftest import Gept, get, until

CLOCK = """
from datetime import UTC, datetime, timedelta
from pathlib import Path
import gept.app
slept = Path({slept!r})
gept.app.now = lambda: datetime.now(UTC) + timedelta(seconds=int(slept.read_text()))
"""
HOUR = timedelta(hours=1)
COUNT = "SELECT count(*) FROM ledger WHERE collector = '5m' AND status = 'done'"


@pytest.fixture
def slept(gept: Gept) -> Path:
    """Give the file that says how many seconds gept's clock went on while gept was stopped."""
    slept = gept.folder / "slept"
    slept.write_text("0")
    (gept.folder / "sitecustomize.py").write_text(CLOCK.format(slept=str(slept)))
    gept.environ["PYTHONPATH"] = str(gept.folder)
    return slept


def players(port: int) -> datetime | None:
    """Return the newest good tick of the player count; None where not all is well."""
    status, body = get(port, "/health")
    if status != 200:
        return None
    return datetime.fromisoformat(json.loads(body)["collectors"]["players"]["newest_good_tick"])


def complete(gept: Gept, name: str) -> bool:
    return gept("gaps", name).stdout == "no gaps\n"


def stopped(process: subprocess.Popen[bytes]) -> bool:
    return "State:\tT" in Path(f"/proc/{process.pid}/status").read_text()


def test_after_an_hour_of_sleep_it_goes_on_and_what_was_missed_is_collected(
    gept: Gept, slept: Path, upstream: Services, port: int
) -> None:
    up = gept.start("up")
    before = until(lambda: players(port))
    until(partial(complete, gept, "5m"))
    count = int(gept.sql(COUNT))
    up.send_signal(signal.SIGSTOP)
    until(lambda: stopped(up))
    upstream.now = lambda: time.time() + HOUR.total_seconds()
    slept.write_text(f"{HOUR.total_seconds():.0f}")
    woken = datetime.now(UTC) + HOUR
    up.send_signal(signal.SIGCONT)

    until(lambda: (newest := players(port)) and newest >= before + HOUR)
    assert datetime.now(UTC) + HOUR < woken + timedelta(minutes=1)
    until(lambda: int(gept.sql(COUNT)) >= count + 12)
    for name in ("5m", "hourly"):
        until(partial(complete, gept, name))
    assert gept.status()["status"] == "ok"
    assert up.poll() is None
    assert "Traceback" not in gept.log.read_text()
