"""Measures everything in one run and prints a table of ratios: ``python -m benchmarks [FILE]``.

On an embedded server of its own, the ways interleaved, the order turned each second round, medians
of the rounds. Ratios are ours divided by the specification's way.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Event
from typing import LiteralString

import psycopg

from gept.store import Server
from gept.store.layouts.plain import ensure
from gept.store.schema.migrate import migrate

from .payloads import STEP, tick
from .ways import BULK_BUCKETS, COLUMNS

ROUNDS = 5
Costs = dict[str, dict[str, list[float]]]
WEEK = STEP * 12 * 24 * 7
COPY_OF_TABLE: LiteralString = (
    "CREATE TABLE copied (LIKE price_data_5min INCLUDING ALL) PARTITION BY RANGE (timestamp)"
)
CLEAN: LiteralString = "TRUNCATE price_data_5min; TRUNCATE copied; CHECKPOINT"


def run(way: str, work: str, address: str, server: Server, first: int) -> dict[str, float]:
    """Run a piece of work in a process of its own and return what it cost."""
    postmaster = (server.data / "postmaster.pid").read_text().split()[0]
    command = [sys.executable, "-m", "benchmarks.ways", way, work, address, postmaster, str(first)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{way} {work} failed:\n{done.stderr}")
    costs: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return costs


def rounds(
    work: str, ways: list[str], address: str, server: Server, clean: Callable[[], None]
) -> Costs:
    """Run each way in each round and return all costs."""
    costs: Costs = {way: {"client": [], "total": [], "wall": []} for way in ways}
    first = BULK_BUCKETS
    for number in range(ROUNDS):
        for way in ways if number % 2 == 0 else ways[::-1]:
            if work == "bulk":
                clean()
            for name, value in run(way, work, address, server, first).items():
                costs[way][name].append(value)
            first += 30
        print(f"{work}: round {number + 1} of {ROUNDS}", file=sys.stderr)  # noqa: T201
    return costs


def ratio(costs: Costs, cost: str, one: str = "ours", other: str = "specified") -> float:
    """Return the median over the rounds of one way's cost divided by another's."""
    pairs = zip(costs[one][cost], costs[other][cost], strict=True)
    return median(mine / its for mine, its in pairs)


def prepare(address: str) -> None:
    """Make the schema, the partitions of the whole benchmark, and a copy of the table."""
    migrate(address)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET autovacuum = off")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute(COPY_OF_TABLE)
        for table in ("price_data_5min", "copied"):
            ensure(connection.cursor(), table, WEEK, tick(0), tick(BULK_BUCKETS * 4))


def written(folder: str) -> dict[str, float]:
    """Measure the ways to write."""
    server = Server(Path(folder), None, Event().wait)
    server.ensure()
    os.environ["BENCH_PSQL"] = str(server.binaries / "psql")
    address = server.url("postgres")
    prepare(address)

    def clean() -> None:
        with psycopg.connect(address, autocommit=True) as connection:
            for statement in CLEAN.split("; "):
                connection.execute(statement)

    bulk = rounds("bulk", ["ours", "specified", "limit"], address, server, clean)
    clean()
    run("ours", "bulk", address, server, 0)
    poll = rounds("poll", ["ours", "specified"], address, server, clean)
    drained = drain(address)
    server.stop()
    return drained | {
        "poll.client_cpu_ratio": ratio(poll, "client"),
        "poll.total_cpu_ratio": ratio(poll, "total"),
        "poll.wall_ratio": ratio(poll, "wall"),
        "poll.client_cpu_ms": median(poll["ours"]["client"]) * 1000,
        "poll.total_cpu_ms": median(poll["ours"]["total"]) * 1000,
        "bulk.client_cpu_ratio": ratio(bulk, "client"),
        "bulk.total_cpu_ratio": ratio(bulk, "total"),
        "bulk.wall_ratio": ratio(bulk, "wall"),
        "bulk.limit_share": ratio(bulk, "total", "limit", "ours"),
    }


def drain(address: str) -> dict[str, float]:
    """Measure how long a day that waited takes to be stored."""
    command = [sys.executable, "-m", "benchmarks.draining", address]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


GOALS = {
    "poll.client_cpu_ratio": "<= 0.167",
    "poll.total_cpu_ratio": "<= 0.5",
    "bulk.client_cpu_ratio": "<= 0.067",
    "bulk.total_cpu_ratio": "<= 0.286",
    "bulk.limit_share": ">= 0.5",
    "drain.seconds_a_day": "<= 60",
    "fleet.rss_mib": "<= 75",
    "collector.rss_mib": "<= 48",
    "health.cpu_seconds": "<= 0.08",
}


def main() -> None:
    """Measure, print, and write a file where one is named."""
    assert COLUMNS
    with TemporaryDirectory() as folder:
        os.environ["BENCH_FOLDER"] = folder
        figures = written(folder)
        command = [sys.executable, "-m", "benchmarks.footprint"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        figures |= json.loads(done.stdout)
    for name, value in figures.items():
        print(f"{name:<24} {value:>9.3f}  {GOALS.get(name, '')}")  # noqa: T201
    if len(sys.argv) > 1 and sys.argv[1]:
        Path(sys.argv[1]).write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
