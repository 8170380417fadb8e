"""gept's own PostgreSQL: patient while it recovers, small while it rests."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from threading import Event

import psycopg
import pytest

from gept.errors import StoreAway, StoreBroken
from gept.store import Server
from gept.store.embedded import ending
from gept.store.embedded.postmaster import lives_in
from gept.store.embedded.programs import binaries
from gept.store.embedded.server import STARTS
from gept.store.schema.migrate import migrate

HOUR = 3600.0
SLOW = """#!/bin/sh
if [ "$1" != -V ]; then {deaf}; read gate < {gate} || exit 1; fi
exec {real}/postgres "$@"
"""


class Recovery:
    """Programs whose server begins when a gate opens, and a wait that takes no time."""

    def __init__(self, folder: Path, deaf: str = ":") -> None:
        self.bindir = folder / "bin"
        self.bindir.mkdir()
        self.gate = folder / "gate"
        os.mkfifo(self.gate)
        slow = SLOW.format(gate=self.gate, real=binaries(None), deaf=deaf)
        for name in ("postgres", "initdb"):
            (self.bindir / name).write_text(slow)
            (self.bindir / name).chmod(0o755)
        self.gate.chmod(0o644)
        self.server = Server(folder, self.bindir, self.wait)
        self.waited = 0.0
        self.starts: list[int] = []
        self.at_last = self.let_in

    def wait(self, seconds: float) -> bool:
        """Let time pass; after an hour, the server lets everybody in, or something else happens."""
        process = self.server._process
        assert process is not None
        if process.pid not in self.starts:
            self.starts.append(process.pid)
        self.waited += seconds
        return self.at_last() if self.waited >= HOUR else False

    def let_in(self) -> bool:
        """Open the gate, and wait for what the server then says of itself."""
        if self.gate.exists():
            self.gate.write_text("open\n")
            self.gate.unlink()
        return Event().wait(0.02)

    def die(self) -> bool:
        """End the server, this time and each time that it is started again."""
        process = self.server._process
        assert process is not None
        process.kill()
        process.wait()
        return False

    def be_stopped(self) -> bool:
        """Tell gept to stop."""
        return True


def initialize(folder: Path) -> None:
    """Make a server's data."""
    quick = Server(folder, None, Event().wait)
    quick.ensure()
    quick.stop()


@pytest.fixture
def recovery(tmp_path: Path) -> Recovery:
    """Make data, and the programs that take long to start on them."""
    initialize(tmp_path)
    return Recovery(tmp_path)


def test_recovery_is_waited_for_however_long_it_takes(recovery: Recovery) -> None:
    recovery.server.ensure()

    assert recovery.waited >= HOUR
    assert len(recovery.starts) == 1
    with psycopg.connect(recovery.server.url("postgres")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    recovery.server.stop()


def test_a_recovery_that_dies_is_not_waited_for(recovery: Recovery) -> None:
    recovery.at_last = recovery.die

    with pytest.raises(StoreBroken, match="does not start; its log says"):
        recovery.server.ensure()

    assert len(recovery.starts) == STARTS
    assert recovery.waited < HOUR + STARTS


def test_being_stopped_ends_a_long_recovery(recovery: Recovery) -> None:
    recovery.at_last = recovery.be_stopped

    with pytest.raises(StoreAway, match="stopped before"):
        recovery.server.ensure()

    assert len(recovery.starts) == 1
    assert not recovery.server.owned


def test_a_program_that_hears_no_signal_is_ended_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        ending, "ENDINGS", tuple((asked, left and 0.1) for asked, left in ending.ENDINGS)
    )
    initialize(tmp_path)
    deaf = Recovery(tmp_path, "trap '' INT QUIT")
    deaf.at_last = deaf.be_stopped

    with pytest.raises(StoreAway, match="stopped before"):
        deaf.server.ensure()

    assert not deaf.server.owned


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is shared")
def test_at_rest_it_holds_little_memory_and_is_as_durable_as_ever(tmp_path: Path) -> None:
    server = Server(tmp_path, None, Event().wait)
    server.ensure()
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE resting")
    migrate(server.url("resting"))
    with psycopg.connect(server.url("resting")) as connection:
        durable = connection.execute(
            "SELECT name, setting, source FROM pg_settings "
            "WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name"
        ).fetchall()
        guests = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
        ).fetchall()
    while any(Path("/proc", str(pid)).exists() for (pid,) in guests):
        Event().wait(0.02)
    held = memory(server)
    server.stop()

    names = ("fsync", "full_page_writes", "synchronous_commit")
    assert durable == [(name, "on", "default") for name in names]
    assert len(held) > 3
    assert sum(held) < 24 * 1024


def memory(server: Server) -> list[int]:
    """Return what each process of a server holds, in KiB; what several share is shared out."""
    held = []
    for process in Path("/proc").glob("[0-9]*"):
        if lives_in(process.name, server.data):
            told = (process / "smaps_rollup").read_text()
            held += [int(size) for size in re.findall(r"^Pss: +(\d+)", told, re.MULTILINE)]
    return held
