"""The way to the database is closed to others, on a real server with a certificate of our own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import psycopg
import pytest

from gept.store import Server
from system.conftest import Gept, free_port

INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
OPENSSL = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]

pytestmark = pytest.mark.skipif(
    not INSTALLED, reason="the PostgreSQL of the wheel has no TLS, and no other is installed here"
)


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a certificate for a host that signs itself, and its key."""
    made, key = folder / f"{name}.pem", folder / f"{name}.key"
    about = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    subprocess.run(
        [*OPENSSL, *about, "-out", made, "-keyout", key], check=True, capture_output=True
    )
    return made, key


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Run a server with TLS."""
    server = Server(tmp_path / "server", INSTALLED[-1].parent, Event().wait, free_port())
    server.ensure()
    owner = server.data.stat()
    for file, name in zip(
        certificate(tmp_path, "localhost"), ("server.crt", "server.key"), strict=True
    ):
        copy = server.data / name
        copy.write_bytes(file.read_bytes())
        copy.chmod(0o600)
        os.chown(copy, owner.st_uid, owner.st_gid)
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE collector LOGIN PASSWORD 'planted-one'")
        connection.execute("CREATE DATABASE osrs_data OWNER collector")
        connection.execute("ALTER SYSTEM SET ssl = on")
        connection.execute("SELECT pg_reload_conf()")
    yield server
    server.stop()


def test_only_the_server_of_the_certificate_is_believed(
    gept: Gept, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("planted-one")
    gept.environ |= {
        "DB_HOST": "localhost",
        "DB_PORT": str(server.tcp),
        "DB_USER": "collector",
        "DB_PASS_FILE": str(tmp_path / "password"),
        "DB_SSLMODE": "verify-full",
    }
    ours, other = str(tmp_path / "localhost.pem"), str(certificate(tmp_path, "other")[0])

    assert gept("db", "migrate", DB_SSLROOTCERT=ours).returncode == 0
    assert gept("doctor", DB_SSLROOTCERT=ours).stdout.count("ok      database") == 1
    for wrong in ({"DB_SSLROOTCERT": other}, {"DB_SSLROOTCERT": str(tmp_path / "none.pem")}):
        refused = gept("db", "migrate", **wrong)
        assert refused.returncode == 7
        assert "set DB_SSLROOTCERT to the certificate of who signed that of the" in refused.stderr
        assert "Traceback" not in refused.stderr
    named = gept("db", "migrate", DB_SSLROOTCERT=ours, DB_HOST="127.0.0.1")
    assert named.returncode == 7
    assert "set DB_HOST to a name that the certificate of the server has" in named.stderr


def test_a_server_without_tls_is_refused_with_the_remedy(gept: Gept, server: Server) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET ssl = off")
        connection.execute("SELECT pg_reload_conf()")
    url = f"postgresql://collector:planted-one@localhost:{server.tcp}/osrs_data?sslmode=require"
    refused = gept("db", "migrate", DATABASE_URL=url)

    assert refused.returncode == 7
    assert "switch TLS on at the server" in refused.stderr
    assert "planted-one" not in refused.stderr
