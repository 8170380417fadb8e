"""What an installation led last, for a start while the database is away."""

from __future__ import annotations

import os
from pathlib import Path

from gept.spool.led import Led


def test_a_lead_outlasts_the_process_that_won_it(tmp_path: Path) -> None:
    first = Led(tmp_path)
    assert not first.leads("latest")
    first.note("latest", True)
    os.close(first._held["latest"])  # as the end of a process does

    assert Led(tmp_path).leads("latest")
    assert not Led(tmp_path).leads("players")


def test_a_lead_that_another_took_is_none(tmp_path: Path) -> None:
    led = Led(tmp_path / "leads")
    led.note("latest", True)
    assert led.leads("latest")
    led.note("latest", False)

    assert not led.leads("latest")
    assert not Led(tmp_path / "leads").leads("latest")


def test_of_two_processes_of_one_installation_one_goes_on(tmp_path: Path) -> None:
    one, two = Led(tmp_path), Led(tmp_path)
    one.note("latest", True)

    assert not two.leads("latest")
    two.note("latest", False)  # the database says so, too: the other one leads
    assert one.leads("latest")


def test_a_disk_that_refuses_costs_no_lead(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    led = Led(tmp_path / "file")

    led.note("latest", True)
    assert not led.leads("latest")
