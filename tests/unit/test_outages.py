"""Outages of the database, remembered until the ledger knows of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gept.collectors import latest
from gept.spool.outages import MOST, Outages

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATEST = latest.COLLECTOR


def minute(number: int) -> datetime:
    return NOON + timedelta(minutes=number)


def test_an_outage_lasts_from_the_first_tick_to_the_one_that_is_taken(tmp_path: Path) -> None:
    outages = Outages(tmp_path)
    for number, why in enumerate(("restarting", "restarting", "full")):
        outages.note("latest", minute(number), why)

    assert list(outages.spans(LATEST, minute(9))) == [(NOON, minute(9), "full")]
    outages.forget("latest")
    assert list(outages.spans(LATEST, minute(9))) == []


def test_of_an_outage_before_a_restart_the_ticks_that_were_seen_are_known(tmp_path: Path) -> None:
    killed = Outages(tmp_path)
    for number in range(3):
        killed.note("latest", minute(number), "away")
    restarted = Outages(tmp_path)
    for number in (10, 11):
        restarted.note("latest", minute(number), "away still")

    spans = [(NOON, minute(3), "away"), (minute(10), minute(12), "away still")]
    assert list(restarted.spans(LATEST, minute(12))) == spans
    assert list(Outages(tmp_path).spans(LATEST, minute(99))) == spans
    restarted.forget("latest")
    assert list(Outages(tmp_path).spans(LATEST, minute(99))) == []


def test_a_tick_is_noted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outages = Outages(tmp_path)
    outages.note("latest", NOON, "away")
    monkeypatch.setattr(outages, "_write", None)

    outages.note("latest", NOON, "away")
    outages.forget("players")


def test_so_many_restarts_are_remembered_at_most(tmp_path: Path) -> None:
    for number in range(MOST + 5):
        Outages(tmp_path).note("latest", minute(2 * number), "away")

    assert len(list(Outages(tmp_path).spans(LATEST, minute(999)))) == MOST


def test_a_disk_that_refuses_costs_nothing_before_a_restart(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    outages = Outages(tmp_path / "file")
    outages.note("latest", NOON, "away")

    assert list(outages.spans(LATEST, minute(1))) == [(NOON, minute(1), "away")]


def test_a_spoilt_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "latest.json").write_text("[{]")

    assert list(Outages(tmp_path).spans(LATEST, NOON)) == []
