"""gept as its user runs it: processes, signals, ports, files."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import pytest
from services import Services

GEPT = [sys.executable, "-m", "gept"]
KEPT = ("PATH", "HOME", "LANG", "PYTHONPATH")


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def get(port: int, path: str, **headers: str) -> tuple[int, str]:
    """Return the status and the body of an answer; 0 where nobody answers."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


def until(found: Callable[[], Any], seconds: float = 60) -> Any:
    """Return what a function returns as soon as that is true, or fail."""
    end, nothing = monotonic() + seconds, Event()
    while not (result := found()):
        assert monotonic() < end, f"still {result!r} after {seconds} s"
        nothing.wait(0.05)
    return result


class Gept:
    """Runs commands with settings of their own."""

    def __init__(self, environ: dict[str, str], folder: Path) -> None:
        self.environ = environ
        self.folder = folder
        self.log = folder / "gept.log"
        self.started: list[subprocess.Popen[bytes]] = []

    def __call__(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [*GEPT, *arguments],
            env={**self.environ, **environ},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[bytes]:
        """Start a command that goes on; what it says goes to the log."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [*GEPT, *arguments],
                env={**self.environ, **environ},
                cwd=self.folder,
                stderr=log,
                stdout=log,
            )
        self.started.append(process)
        return process

    def path(self, folder: Path) -> str:
        """Return where Python looks for modules: a folder, and where it looked before."""
        return os.pathsep.join(filter(None, (str(folder), self.environ.get("PYTHONPATH"))))

    def sql(self, query: str) -> str:
        """Return what psql prints for a query."""
        done = self("db", "shell", "-qAtc", query)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def status(self) -> Any:
        """Return what ``gept status --json`` tells."""
        return json.loads(self("status", "--json").stdout)

    def finish(self) -> None:
        """End what still runs."""
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()


@pytest.fixture
def port() -> int:
    """Give a free port."""
    return free_port()


@pytest.fixture
def gept(upstream: Services, tmp_path: Path, port: int) -> Iterator[Gept]:
    """Give gept on a data folder of its own, with the services on loopback."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    gept = Gept(
        {
            **kept,
            **upstream.environ(),
            "DATA_DIR": str(tmp_path / "data"),
            "DASHBOARD_PORT": str(port),
            "GEPT_FIRST_HORIZON": "15m",
            "GEPT_PACE": "0.1",
        },
        tmp_path,
    )
    yield gept
    gept.finish()
