"""The units of systemd, and gept under one who listens as systemd does."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from system.conftest import Gept, get

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
NAMES = sorted(each.name for each in UNITS.glob("*.service"))
TIMERS = sorted(each.name for each in UNITS.glob("*.timer"))
PROGRAM = "/opt/gept/.venv/bin/gept"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="systemd-analyze is not there: apt-get install systemd",
)


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False
    )


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Give the units with a program that is here."""
    for name in NAMES:
        text = (UNITS / name).read_text()
        assert f"ExecStart={PROGRAM} " in text
        (tmp_path / name).write_text(text.replace(PROGRAM, sys.executable))
    for name in TIMERS:
        (tmp_path / name).write_text((UNITS / name).read_text())
    return tmp_path


def test_there_is_a_unit_for_all_and_one_for_each() -> None:
    assert NAMES == ["gept-backup.service", "gept-verify.service", "gept.service", "gept@.service"]


def test_backups_are_made_and_tried_by_timers() -> None:
    assert TIMERS == ["gept-backup.timer", "gept-verify.timer"]
    assert f"\nExecStart={PROGRAM} backup\n" in (UNITS / "gept-backup.service").read_text()
    assert f"\nExecStart={PROGRAM} backup verify\n" in (UNITS / "gept-verify.service").read_text()


@pytest.mark.parametrize("timer", TIMERS)
def test_a_timer_makes_up_for_what_was_missed(timer: str) -> None:
    assert f"{Path(timer).stem}.service" in NAMES
    assert "\nPersistent=true\n" in (UNITS / timer).read_text()


def on_calendar(timer: str) -> str:
    """Return when a timer goes off."""
    [when] = re.findall(r"^OnCalendar=(.*)$", (UNITS / timer).read_text(), re.MULTILINE)
    return str(when)


@needs_systemd
@pytest.mark.parametrize(
    ("timer", "next_one"),
    [
        ("gept-backup.timer", "Sun 2026-11-22 02:30:00 UTC"),
        ("gept-verify.timer", "Sun 2026-11-22 04:30:00 UTC"),
    ],
)
def test_a_backup_is_tried_that_the_rotation_keeps(timer: str, next_one: str) -> None:
    """Of a week the newest backup stays, and Sunday is the last day of one."""
    done = analyze("calendar", "--base-time=2026-11-22 00:00:00 UTC", on_calendar(timer))

    assert f"{next_one}\n" in done.stdout


@needs_systemd
@pytest.mark.parametrize("name", NAMES + TIMERS)
def test_systemd_takes_the_unit(name: str, units: Path) -> None:
    done = analyze("verify", "--man=no", "--recursive-errors=no", str(units / name))

    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("name", NAMES)
def test_the_unit_may_do_little(name: str, units: Path) -> None:
    done = analyze("security", "--offline=true", "--threshold=20", str(units / name))

    assert done.returncode == 0, done.stdout + done.stderr


def test_systemd_hears_of_ready_of_life_and_of_the_end(
    gept: Gept, port: int, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        up = gept.start("up", NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="1000000")
        heard = [manager.recv(100).decode() for _ in range(3)]
        lives = get(port, "/livez")[0]
        up.send_signal(signal.SIGTERM)
        while (last := manager.recv(100).decode()) == "WATCHDOG=1":
            pass

        assert heard == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]
        assert lives == 200
        assert last == "STOPPING=1"
        assert up.wait(10) == 0
