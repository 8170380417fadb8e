"""Memory and CPU of running processes: the fleet in one, one collector, and a health check."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from gept.simulate import Market, Server

FAST = 60.0
POLLS = 10


def free_port() -> int:
    """Return a port that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def resident(process: int) -> float:
    """Return the resident memory of a process in MiB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def ticks_done(port: int, collector: str) -> int:
    """Return how many good ticks a process counts."""
    wanted = f'gept_{collector}_requests_total{{status="success"}} '
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
    except (urllib.error.URLError, OSError):
        return 0
    return next((int(float(line.split()[1])) for line in lines if line.startswith(wanted)), 0)


def running(arguments: list[str], collector: str, settings: dict[str, str]) -> dict[str, float]:
    """Return memory after ten polls, and the cost of a health check meanwhile."""
    with TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
        server = Server(Market())
        server.start()
        port = free_port()
        environ = {
            **os.environ,
            **server.environ(),
            **settings,
            "DATA_DIR": folder,
            "DASHBOARD_PORT": str(port),
            "METRICS_PORT": str(port),
            "GEPT_CONTACT": "benchmark",
            "GEPT_PACE": "0.1",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "gept", *arguments], env=environ, stderr=subprocess.DEVNULL
        )
        try:
            end = time.monotonic() + 180
            while ticks_done(port, collector) < POLLS and time.monotonic() < end:
                time.sleep(0.5)
            return {"rss": resident(process.pid), "health": health_check(port)}
        finally:
            process.terminate()
            process.wait()
            server.stop()


def health_check(port: int) -> float:
    """Return the CPU seconds of ``gept health``: the median of seven."""
    environ = {**os.environ, "DASHBOARD_PORT": str(port)}
    costs = []
    for _ in range(7):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "gept", "health", "--live"],
            env=environ,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        costs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return median(costs)


def main() -> None:
    """Print the figures."""
    fleet = running(["up"], "5m", {"GEPT_FIRST_HORIZON": "1h"})
    one = running(["collect", "5m"], "5m", {"GEPT_FIRST_HORIZON": "1h"})
    figures = {
        "fleet.rss_mib": fleet["rss"],
        "collector.rss_mib": one["rss"],
        "health.cpu_seconds": fleet["health"],
    }
    print(json.dumps(figures))  # noqa: T201


if __name__ == "__main__":
    main()
