"""Each command under the role that is made for it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from system.conftest import GEPT, Gept, free_port, get, until

NAMES = ("owner", "writer", "reader")


def url(address: str, name: str, folder: Path) -> dict[str, str]:
    """Return the settings with which a role comes in."""
    about = psycopg.conninfo.conninfo_to_dict(address)
    return {
        "DB_HOST": str(about["host"]),
        "DB_NAME": str(about["dbname"]),
        "DB_USER": f"gept_{name}",
        "DB_PASS_FILE": str(folder / name),
    }


@pytest.fixture
def folder(gept: Gept, address: str, tmp_path: Path) -> Iterator[Path]:
    """Make the roles by the command; give the folder of their passwords."""
    options = []
    for name in NAMES:
        (tmp_path / name).write_text(f"planted-{name}\n")
        options += ["--password-file", f"{name}={tmp_path / name}"]
    done = gept("db", "roles", *options, DATABASE_URL=address)
    assert done.returncode == 0, done.stderr
    assert "gept db migrate with DB_USER=gept_owner" in done.stdout
    assert "planted" not in done.stdout + done.stderr
    yield tmp_path
    with psycopg.connect(make_conninfo(address), autocommit=True) as connection:
        for name in NAMES:
            connection.execute(f"DROP OWNED BY gept_{name} CASCADE")
            connection.execute(f"DROP ROLE gept_{name}")


def test_the_owner_migrates_the_writer_collects_the_reader_looks(
    gept: Gept, address: str, folder: Path
) -> None:
    owner, writer, reader = (url(address, name, folder) for name in NAMES)
    assert gept("db", "migrate", **owner).stdout.startswith("up to date")
    port = free_port()
    gept.start("up", **writer, DASHBOARD_PORT=str(port))
    until(lambda: get(port, "/health")[0] == 200 and '"ticks_missing":0' in get(port, "/health")[1])
    backfilled = gept(
        "backfill", "5m", "--since", "2026-01-01", "--until", "2026-01-01T00:10", **writer
    )
    assert backfilled.returncode == 0, backfilled.stderr

    seen = gept("status", "--json", **reader)
    assert (seen.returncode, json.loads(seen.stdout)["status"]) == (0, "ok")
    for command in (["gaps"], ["completeness"], ["rejects"], ["db", "status"]):
        done = gept(*command, **reader)
        assert done.returncode == 0, (command, done.stderr)
    examined = json.loads(gept("doctor", "--json", **writer, DASHBOARD_PORT=str(port)).stdout)
    [role] = [each for each in examined if each["name"] == "role"]
    assert role["level"] == "ok", role
    assert "Traceback" not in gept.log.read_text()
    assert "permission denied" not in gept.log.read_text()


def test_the_wrong_role_is_told_who_may(gept: Gept, address: str, folder: Path) -> None:
    done = gept("once", "players", **url(address, "reader", folder))

    assert done.returncode == 7
    assert "permission denied" in done.stdout + done.stderr
    assert "gept db roles" in done.stdout + done.stderr
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("DELETE FROM schema_migrations WHERE number = 10")
    pending = gept("db", "migrate", **url(address, "writer", folder))
    assert pending.returncode == 7
    assert "run it as the owner, or let `gept db roles` grant" in pending.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--password-file", "boss=x"], "'boss=x' is not WHO=FILE"),
        (["--password-file", "writer=/none"], "'/none' cannot be read (No such file or directory)"),
        (["--owner", "one", "--reader", "one"], "one, gept_writer, one: name three"),
        (["--writer", ""], "--writer: it is empty; name a role"),
        (["--reader", "ü" * 32], "is longer than 63 bytes; name it shorter"),
    ],
)
def test_bad_options_of_roles_are_sentences(
    options: list[str], said: str, gept: Gept, address: str
) -> None:
    done = gept("db", "roles", *options, DATABASE_URL=address)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_password_is_typed_at_a_terminal_only(gept: Gept, address: str) -> None:
    done = subprocess.run(
        [*GEPT, "db", "roles", "--ask-password", "writer"],
        env={**gept.environ, "DATABASE_URL": address},
        start_new_session=True,
        input="hunter2\nhunter2\n",
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.startswith("gept: --ask-password: there is no terminal to type it at")
    assert len(done.stderr.splitlines()) == 1


def test_roles_are_for_a_server_of_yours(gept: Gept) -> None:
    done = gept("db", "roles")

    assert done.returncode == 2
    assert "gept's own PostgreSQL lets in nobody but its user" in done.stderr


def test_a_dry_run_prints_what_psql_takes(gept: Gept, address: str) -> None:
    told = gept("db", "roles", "--dry-run", DATABASE_URL=address)

    assert told.returncode == 0
    with psycopg.connect(address) as connection:
        connection.execute(told.stdout)
        connection.rollback()
    assert 'CREATE ROLE "gept_reader" NOLOGIN;' in told.stdout


def test_the_owner_saves_and_one_who_may_make_databases_verifies(
    gept: Gept, address: str, folder: Path, verifier: dict[str, str]
) -> None:
    owner = url(address, "owner", folder)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("INSERT INTO player_counts (timestamp, count) VALUES (now(), 1)")

    saved = gept("backup", str(folder / "saved"), **owner)
    [backup] = (folder / "saved").glob("gept*")
    refused = gept("backup", "verify", str(backup), **owner)
    verified = gept("backup", "verify", str(backup), **verifier)

    assert saved.returncode == 0, saved.stderr
    assert refused.returncode == 7
    assert "ALTER ROLE gept_owner CREATEDB" in refused.stderr
    assert verified.returncode == 0, verified.stderr
    assert "all as in the manifest" in verified.stdout


@pytest.fixture
def verifier(address: str) -> Iterator[dict[str, str]]:
    """Give the settings of a role that may make databases, and no more."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE ROLE gept_verifier LOGIN CREATEDB PASSWORD 'x'")
        about = psycopg.conninfo.conninfo_to_dict(address)
        yield {
            "DB_HOST": str(about["host"]),
            "DB_NAME": "postgres",
            "DB_USER": "gept_verifier",
            "DB_PASS": "x",
        }
        connection.execute("DROP ROLE gept_verifier")
