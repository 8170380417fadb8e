"""Behind PgBouncer in transaction mode."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from services import Services

from gept.store import Server
from system.conftest import Gept, free_port, get, until

pytestmark = pytest.mark.skipif(
    shutil.which("pgbouncer") is None, reason="PgBouncer is not installed here"
)


@pytest.fixture
def pooled(postgres: Server, address: str, tmp_path: Path) -> Iterator[str]:
    """Run PgBouncer in transaction mode before the test's database; give its address."""
    port = free_port()
    (tmp_path / "users").write_text('"postgres" ""\n')
    (tmp_path / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={postgres.sockets} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nauth_type = trust\npool_mode = transaction\nunix_socket_dir =\n"
        f"default_pool_size = 3\nauth_file = {tmp_path / 'users'}\n"
        "ignore_startup_parameters = extra_float_digits\n"
    )
    # PgBouncer does not run as root; in a namespace of its own it is nobody, and may read our files.
    root = ["unshare", "--user", f"--map-user={pwd.getpwnam('nobody').pw_uid}"]
    command = [*(root if os.geteuid() == 0 else []), "pgbouncer", str(tmp_path / "pgbouncer.ini")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    target = f"postgresql://postgres@127.0.0.1:{port}/{quote('gept_test')}"

    def answers() -> bool:
        try:
            psycopg.connect(target, connect_timeout=1).close()
        except psycopg.OperationalError:
            return process.poll() is not None
        return True

    try:
        until(answers, 20)
        if process.poll() is not None:
            pytest.skip("PgBouncer cannot be run by this user here")
        yield target
    finally:
        process.terminate()
        process.wait()


def test_everything_flows_through_a_transaction_pooler(
    pooled: str, gept: Gept, upstream: Services, port: int
) -> None:
    gept.start("up", DATABASE_URL=pooled, DB_POOLER="transaction", GEPT_FIRST_HORIZON="2h")
    until(lambda: '"ticks_missing":0' in get(port, "/health")[1] and get(port, "/health")[0] == 200)
    gept.environ |= {"DATABASE_URL": pooled, "DB_POOLER": "transaction"}
    until(lambda: gept("gaps", "5m").stdout == "no gaps\n")

    assert gept.status()["status"] == "ok"
    assert "Traceback" not in gept.log.read_text()
    assert "refuses" not in gept.log.read_text()


def test_without_the_setting_the_advice_is_told(pooled: str, gept: Gept) -> None:
    gept.start("up", DATABASE_URL=pooled, GEPT_FIRST_HORIZON="2h")

    until(lambda: "set DB_POOLER=transaction" in gept.log.read_text())
