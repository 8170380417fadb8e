"""Days in an object store: a small one that keeps them on disk, and one that only refuses."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner

from gept.archive import places
from gept.cli import gept
from gept.errors import ArchiveError, UsageError
from gept.model import Collector
from gept.settings import load
from gept.store import Database
from gept.store.layouts import plain

HERE = Path(__file__).parent
Ask = Callable[..., list[Any]]
KEYS = {"GEPT_S3_ACCESS_KEY": "S3RVER", "GEPT_S3_SECRET_KEY": "S3RVER"}
DAY = datetime(2026, 9, 3, tzinfo=UTC)
SECRET = "planted-secret"
ROWS = """
    INSERT INTO prices_1h SELECT item, %s::timestamptz + hour * interval '1 hour', item + hour, 1, NULL, 0
    FROM generate_series(1, 200) AS item, generate_series(0, 23) AS hour
"""
TICKS = """
    INSERT INTO ledger (collector, tick, status, settled, rows, first_asked_at, asked_at, committed_at)
    SELECT 'hourly', %s::timestamptz + hour * interval '1 hour', 'done', true, 200, now(), now(), now()
    FROM generate_series(0, 23) AS hour
"""
ALL = "SELECT * FROM prices_1h ORDER BY 1, 2"


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    """Run the server; give its address."""
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules").is_dir():
        pytest.skip("needs Node 20 or newer, and `npm ci` in tests/s3")
    process = subprocess.Popen(
        [node, HERE / "server.mjs", tmp_path / "buckets"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    port = process.stdout.readline().strip()
    assert port, "the server has not started; its error is above"
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()  # it would wait for connections that are kept alive
        process.communicate()


@pytest.fixture
def bucket(endpoint: str, tmp_path: Path) -> places.Place:
    """Give a bucket, below a prefix."""
    return opened("s3://prices/a/b", endpoint, tmp_path)


def opened(where: str, endpoint: str, folder: Path, **settings: str) -> places.Place:
    return places.opened(where, load({"GEPT_S3_ENDPOINT": endpoint, **KEYS, **settings}, folder))


def test_a_bucket_does_what_a_folder_does(bucket: places.Place) -> None:
    before = bucket.get("x/1"), bucket.size("x/1"), bucket.names("x")

    bucket.put("x/1", b"one")
    bucket.put("x/table=a/2", b"two")
    bucket.put("x/1", b"other")

    assert before == (None, None, [])
    assert (bucket.get("x/1"), bucket.size("x/1")) == (b"other", 5)
    assert bucket.names("x") == ["x/1", "x/table=a/2"]


def test_large_files_go_in_parts(bucket: places.Place) -> None:
    data = bytes(range(256)) * 60_000

    bucket.put("large", data)

    assert bucket.size("large") == len(data)


@pytest.fixture
def run(
    endpoint: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Give a function that runs `gept archive` on the bucket."""
    for name, value in {**KEYS, "GEPT_S3_ENDPOINT": endpoint, "DATABASE_URL": address}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GEPT_ARCHIVE", "s3://prices/a/b")
    monkeypatch.setattr("gept.observe.logs.configure", lambda: None)
    return lambda *arguments: CliRunner().invoke(gept, ["archive", *arguments])


def test_a_day_goes_there_and_comes_back(
    run: Callable[..., Any],
    database: Database,
    collectors: dict[str, Collector],
    query: Ask,
    tmp_path: Path,
) -> None:
    with database.transaction() as cursor:
        plain.ensure(cursor, "prices_1h", timedelta(days=28), DAY, DAY)
    query(ROWS, DAY)
    query(TICKS, DAY)
    before = query(ALL)

    done, again, verified = run("hourly"), run("hourly"), run("verify")
    query("DELETE FROM prices_1h")
    query("DELETE FROM ledger")
    restored = run("restore", "hourly")

    assert "prices_1h 2026-09-03: archived: 4800 rows" in done.output
    assert "archived already" in again.output
    assert "1 days are whole, 0 are not" in verified.output
    assert "1 days brought back" in restored.output
    assert query(ALL) == before
    assert query("SELECT done FROM ledger_days WHERE day = %s", date(2026, 9, 3)) == [(24,)]
    assert list((tmp_path / "buckets" / "prices").rglob("2026-09-03.parquet*"))


@pytest.mark.parametrize(
    ("where", "settings", "said"),
    [
        ("s3://other/a", {}, "s3://other/a/x: there is no such bucket; make it"),
        ("s3://prices", {"GEPT_S3_ACCESS_KEY": "x"}, "the access key is not known there"),
    ],
)
def test_what_the_store_refuses_is_told(
    endpoint: str, tmp_path: Path, where: str, settings: dict[str, str], said: str
) -> None:
    with pytest.raises(ArchiveError) as caught:
        opened(where, endpoint, tmp_path, **settings).put("x", b"x")

    assert said in str(caught.value)


class Refusing(BaseHTTPRequestHandler):
    """Refuses everything, for the reason that is the bucket's name."""

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        code = self.path.split("/")[1].replace("-", " ").title().replace(" ", "")
        body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def refusing() -> Iterator[str]:
    """Serve refusals."""
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("bucket", "said"),
    [
        ("signature-does-not-match", "the secret is wrong; see GEPT_S3_SECRET_KEY"),
        ("access-denied", "the access key may not do that; let it read, write and list"),
        ("quota-exceeded", "the store refuses: "),
    ],
)
def test_no_refusal_shows_the_secret(refusing: str, tmp_path: Path, bucket: str, said: str) -> None:
    place = opened(f"s3://{bucket}", refusing, tmp_path, GEPT_S3_SECRET_KEY=SECRET)

    with pytest.raises(ArchiveError) as caught:
        place.put("x", b"x")

    assert said in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_store_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="the store does not answer; see GEPT_S3_ENDPOINT"):
        opened("s3://prices", "http://127.0.0.1:1", tmp_path).get("x")


def test_without_the_library_it_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)

    with pytest.raises(UsageError, match="extra `archive`"):
        opened("s3://prices", "http://127.0.0.1:1", tmp_path)
