"""What systemd hears from gept."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from gept.app.notify import Systemd
from gept.errors import SettingsError


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as found:
        found.bind(str(tmp_path / "notify"))
        found.settimeout(10)
        yield found


def told(manager: socket.socket) -> str:
    return manager.recv(100).decode()


def silent(manager: socket.socket) -> bool:
    manager.setblocking(False)
    try:
        manager.recv(100)
    except BlockingIOError:
        return True
    return False


def environ(manager: socket.socket, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": manager.getsockname(), **more}


def test_it_hears_of_the_beginning_and_the_end(manager: socket.socket) -> None:
    systemd = Systemd(environ(manager))
    systemd.ready(lambda: True)
    systemd.stopping()

    assert [told(manager), told(manager)] == ["READY=1", "STOPPING=1"]
    assert silent(manager)


def test_it_hears_that_we_live_again_and_again(manager: socket.socket) -> None:
    systemd = Systemd(environ(manager, WATCHDOG_USEC="30000", WATCHDOG_PID=str(os.getpid())))
    systemd.ready(lambda: True)

    assert [told(manager) for _ in range(4)] == ["READY=1", *["WATCHDOG=1"] * 3]
    systemd.stopping()
    while (last := told(manager)) == "WATCHDOG=1":
        pass
    assert last == "STOPPING=1"
    assert silent(manager)


def test_it_hears_nothing_once_a_thread_is_dead(manager: socket.socket) -> None:
    asked = Event()

    def lives() -> bool:
        asked.set()
        return False

    systemd = Systemd(environ(manager, WATCHDOG_USEC="30000"))
    systemd.ready(lives)
    assert asked.wait(10)
    systemd.stopping()

    assert [told(manager), told(manager)] == ["READY=1", "STOPPING=1"]


def test_a_watchdog_for_another_process_is_not_ours(manager: socket.socket) -> None:
    systemd = Systemd(environ(manager, WATCHDOG_USEC="1000", WATCHDOG_PID="1"))
    systemd.ready(lambda: pytest.fail("asked"))
    systemd.stopping()

    assert [told(manager), told(manager)] == ["READY=1", "STOPPING=1"]


def test_an_abstract_socket_is_one_too() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0gept-test-{os.getpid()}")
        manager.settimeout(10)
        Systemd({"NOTIFY_SOCKET": f"@gept-test-{os.getpid()}"}).tell("READY=1")

        assert told(manager) == "READY=1"


def test_without_systemd_nothing_happens(tmp_path: Path) -> None:
    for environ in ({}, {"NOTIFY_SOCKET": str(tmp_path / "nobody")}):
        systemd = Systemd(environ)
        systemd.ready(lambda: True)
        systemd.stopping()


@pytest.mark.parametrize("limit", ["soon", "-1", "0"])
def test_a_limit_that_is_none_is_told(limit: str) -> None:
    with pytest.raises(SettingsError, match=f"WATCHDOG_USEC: '{limit}'"):
        Systemd({"WATCHDOG_USEC": limit})
