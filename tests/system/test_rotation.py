"""Secrets change while gept runs: no tick is lost, and nothing restarts."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any
from urllib.request import urlopen

import psycopg
import pytest
from certificates import make

from gept.store import Server
from gept.tls.expiry import end_of
from system.conftest import Gept, free_port, get, until

DONE = "SELECT count(*) FROM ledger WHERE status = 'done'"
ENDS = "certificate: it {} at {:%Y-%m-%dT%H:%M:%SZ}; renew it"
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'collector'"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Run a server that takes passwords, over TCP."""
    server = Server(tmp_path / "server", None, Event().wait, free_port())
    server.ensure()
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE collector LOGIN PASSWORD 'planted-one'")
        connection.execute("CREATE DATABASE osrs_data OWNER collector")
    yield server
    server.stop()


def test_the_password_changes_under_way(gept: Gept, server: Server, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("planted-one\n")
    gept.environ |= {
        "DB_HOST": "127.0.0.1",
        "DB_PORT": str(server.tcp),
        "DB_USER": "collector",
        "DB_PASS_FILE": str(file),
        "GEPT_PLAYERS_INTERVAL": "10s",
    }
    process = gept.start("collect", "players", METRICS_PORT=str(free_port()))
    spool = tmp_path / "data" / "spool"
    with psycopg.connect(server.url("osrs_data"), autocommit=True) as connection:

        def done() -> int:
            there = connection.execute("SELECT to_regclass('ledger') IS NOT NULL").fetchone()
            if there == (False,):
                return 0
            return int(connection.execute(DONE).fetchall()[0][0])

        until(lambda: done() > 0)
        connection.execute("ALTER ROLE collector PASSWORD 'planted-two'")
        connection.execute(CUT)
        until(lambda: list(spool.glob("*.tape")))
        stored = done()
        file.write_text("planted-two\n")
        until(lambda: done() > stored and not list(spool.glob("*.tape")))

    assert process.poll() is None
    assert gept("gaps", "players").stdout == "no gaps\n"
    assert "planted" not in gept.log.read_text()


def test_the_token_of_the_dashboard_changes_under_way(
    gept: Gept, port: int, tmp_path: Path
) -> None:
    file, one, two = tmp_path / "token", "planted-token-one", "planted-token-two"
    file.write_text(one)
    process = gept.start("dashboard", "players", DASHBOARD_TOKEN_FILE=str(file))

    def opens(token: str) -> bool:
        return get(port, "/api/status", Authorization=f"Bearer {token}")[0] == 200

    until(lambda: opens(one))
    file.write_text(two)
    until(lambda: opens(two), 5)
    assert not opens(one)
    file.write_text("")
    assert (opens(one), opens(two)) == (False, True)
    file.unlink()
    assert (opens(one), opens(two)) == (False, True)
    assert process.poll() is None
    assert "planted" not in gept.log.read_text()


def test_the_certificate_of_the_dashboard_is_renewed_under_way(
    gept: Gept, port: int, tmp_path: Path
) -> None:
    cert, key = make(tmp_path / "tls")
    gept.environ |= {"TLS_CERT_FILE": str(cert), "TLS_KEY_FILE": str(key)}
    process = gept.start("dashboard", "players")
    new = make(tmp_path / "new", days=100)

    until(lambda: warned(gept) == [ENDS.format("ends", end_of(cert))])
    assert '"event": "the certificate ends"' in gept.log.read_text()
    new[0].replace(cert)
    until(lambda: "does not fit the key" in str(warned(gept)))
    new[1].replace(key)
    until(lambda: warned(gept) == [])

    assert ssl.get_server_certificate(("127.0.0.1", port)) == cert.read_text()
    assert scraped(port, "gept_certificate_expires_timestamp") == end_of(cert).timestamp()
    assert gept.log.read_text().count('"event": "a new certificate is ') == 2
    assert process.poll() is None


def warned(gept: Gept) -> Any:
    """Return what health warns of; None where nobody answers."""
    told = gept("health").stdout
    return json.loads(told)["warnings"] if told else None


def scraped(port: int, series: str) -> float:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with urlopen(f"https://127.0.0.1:{port}/metrics", context=context, timeout=10) as answer:
        return float(answer.read().decode().partition(f"\n{series} ")[2].partition("\n")[0])
