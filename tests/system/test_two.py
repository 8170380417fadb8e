"""Several processes that follow the same collector on one database: the source feels one."""

from __future__ import annotations

import os
import signal
from typing import Any

import psycopg
import pytest
from services import Services

from system.conftest import Gept, free_port, get, until

QUICK = {"GEPT_PLAYERS_INTERVAL": "10s"}


@pytest.fixture
def shared(gept: Gept, address: str) -> Gept:
    """Give gept on a database that several processes share."""
    gept.environ |= {**QUICK, "DATABASE_URL": address}
    return gept


def asked(upstream: Services) -> int:
    return upstream.paths().count("/")


def ticks(address: str) -> int:
    with psycopg.connect(address) as connection:
        found = connection.execute("SELECT count(*) FROM ledger WHERE status = 'done'").fetchone()
    return int(found[0]) if found else 0


def leads(port: int) -> bool:
    return 'gept_leads{collector="players"} 1.0' in get(port, "/metrics")[1]


def test_one_leads_and_the_other_takes_over_when_it_dies(
    shared: Gept, upstream: Services, address: str
) -> None:
    ports = [free_port(), free_port()]
    folders = [str(shared.folder / name) for name in ("one", "two")]
    processes = [
        shared.start("collect", "players", METRICS_PORT=str(port), DATA_DIR=folder)
        for port, folder in zip(ports, folders, strict=True)
    ]
    until(lambda: ticks(address) >= 3 and sum(leads(port) for port in ports) == 1)
    assert asked(upstream) <= ticks(address) + 1
    told: list[dict[str, Any]] = shared.status()["processes"]
    assert sorted(each["leads"] for each in told) == [[], ["players"]]

    leader = next(n for n, port in enumerate(ports) if leads(port))
    processes[leader].send_signal(signal.SIGKILL)
    processes[leader].wait()
    before = ticks(address)
    until(lambda: ticks(address) >= before + 2)

    until(lambda: leads(ports[1 - leader]))
    assert "Traceback" not in shared.log.read_text()


def test_one_that_hangs_is_followed_by_the_other_and_comes_back_as_stand_by(
    shared: Gept, upstream: Services, address: str
) -> None:
    ports = [free_port(), free_port()]
    first = shared.start("collect", "players", METRICS_PORT=str(ports[0]))
    until(lambda: leads(ports[0]))
    shared.start("collect", "players", METRICS_PORT=str(ports[1]))
    until(lambda: get(ports[1], "/livez")[0] == 200)

    with psycopg.connect(address, autocommit=True) as connection:
        os.kill(first.pid, signal.SIGSTOP)
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name LIKE 'gept lead %' AND state = 'idle in transaction' "
            "ORDER BY backend_start LIMIT 1"
        )
    until(lambda: leads(ports[1]))
    os.kill(first.pid, signal.SIGCONT)

    until(lambda: not leads(ports[0]))
    before = ticks(address)
    until(lambda: ticks(address) >= before + 2)
    assert leads(ports[1])
    with psycopg.connect(address) as connection:
        twice = connection.execute("SELECT count(*) FROM ledger WHERE attempts > 1").fetchone()
    assert twice == (0,)


def test_one_that_is_suspended_with_its_connections_is_relieved(
    shared: Gept, upstream: Services, address: str
) -> None:
    ports = [free_port(), free_port()]
    first = shared.start("collect", "players", METRICS_PORT=str(ports[0]), GEPT_BEAT="1s")
    until(lambda: leads(ports[0]))
    shared.start("collect", "players", METRICS_PORT=str(ports[1]), GEPT_BEAT="1s")
    until(lambda: get(ports[1], "/livez")[0] == 200)

    os.kill(first.pid, signal.SIGSTOP)
    until(lambda: leads(ports[1]))
    before = ticks(address)
    until(lambda: ticks(address) >= before + 2)
    os.kill(first.pid, signal.SIGCONT)

    until(lambda: not leads(ports[0]))
    assert leads(ports[1])
    assert "takes the lead from a process that does not answer" in shared.log.read_text()
    with psycopg.connect(address) as connection:
        twice = connection.execute("SELECT count(*) FROM ledger WHERE attempts > 1").fetchone()
    assert twice == (0,)
