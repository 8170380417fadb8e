"""The guides' commands, run in the order in which they stand, beside a gept that collects."""

from __future__ import annotations

import subprocess

import pytest
from documents import GUIDES, ROOT, commands

from .conftest import GEPT, Gept, get, until

GOES_ON = {"up", "collect", "dashboard", "simulate"}
OTHER_SETTING = {
    "write-a-collector-package": "test_packages.py does what this page says",
    "add-a-collector": "its collector is not there before the page is followed",
    "archive": "test_archive.py has days that can be archived and brought back",
    "import-duckdb": "test_import.py makes such files, and imports them",
    "one-collector-per-process": "test_up.py runs each collector alone",
}
ELSEWHERE = {
    ("restore",): "test_backup.py has backups to restore",
    ("db", "adopt", "--yes"): "test_adopt.py has databases to adopt",
    ("db", "convert"): "tests/timescale has what can be converted",
    ("db", "roles"): "test_roles.py has a server that lets in others",
}
LONG_SPANS = ("2021-03-08", "2021-03-08T08:00Z", "2026-11-08")
FOUND_SOMETHING = {"gaps": {0}, "backfill": {0, 8}}


def apart(arguments: list[str]) -> bool:
    """Tell whether a command needs what is not here, or asks for more than a test can wait for."""
    if any(tuple(arguments[: len(each)]) == each for each in ELSEWHERE):
        return True
    if any("osrs_drill" in each for each in arguments):  # test_backup.py has a drill
        return True
    asks = arguments[0] == "backfill" and "--dry-run" not in arguments
    return asks and any(each in LONG_SPANS for each in arguments)


def runnable() -> list[list[str]]:
    """Return what the guides show and what ends by itself, the tutorial first."""
    return [
        arguments
        for page in GUIDES
        if page.stem not in OTHER_SETTING
        for arguments in commands(page)
        if arguments[0] not in GOES_ON and not apart(arguments)
    ]


@pytest.mark.timeout(300)
def test_the_guides_commands_do_what_they_say(gept: Gept, port: int) -> None:
    process = gept.start("up")
    until(lambda: get(port, "/health")[0] == 200 or process.poll() is not None)

    failed = [told for arguments in runnable() if (told := attempt(gept, arguments))]

    assert not failed, "\n".join(failed)


def attempt(gept: Gept, arguments: list[str]) -> str:
    """Run a command; return what went wrong."""
    done = subprocess.run(
        [*GEPT, *arguments],
        env=gept.environ,
        cwd=gept.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode in FOUND_SOMETHING.get(arguments[0], {0}):
        return ""
    return f"gept {' '.join(arguments)}: {done.returncode} {done.stdout[-300:]}{done.stderr[-500:]}"


def test_the_tutorial_is_among_them() -> None:
    tutorial = commands(ROOT / "docs" / "tutorial" / "first-steps.md")

    assert len(tutorial) >= 4
    assert all(each in runnable() for each in tutorial)
