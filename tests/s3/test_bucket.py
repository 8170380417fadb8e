"""Days in an object store: a small one that keeps them on disk, and one that only refuses."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner

from gept.archive import places
from gept.cli import gept
from gept.errors import ArchiveAway, ArchiveError, UsageError
from gept.settings import load
from gept.store import Database
from gept.store.layouts import plain

HERE = Path(__file__).parent
Ask = Callable[..., list[Any]]
Run = Callable[..., Any]
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
def run(endpoint: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give a function that runs `gept archive` on the bucket."""
    for name, value in {**KEYS, "GEPT_S3_ENDPOINT": endpoint, "DATABASE_URL": address}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GEPT_ARCHIVE", "s3://prices/a/b")
    monkeypatch.setattr("gept.observe.logs.configure", lambda: None)
    return lambda *arguments: CliRunner().invoke(gept, ["archive", *arguments])


@pytest.fixture
def day(database: Database, query: Ask) -> None:
    """Fill a day of hourly prices."""
    with database.transaction() as cursor:
        plain.ensure(cursor, "prices_1h", timedelta(days=28), DAY, DAY)
    query(ROWS, DAY)
    query(TICKS, DAY)


def test_a_day_goes_there_and_comes_back(run: Run, day: None, query: Ask, tmp_path: Path) -> None:
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


class Mortal:
    """Stands before a store, and is gone for good once so many bytes went by."""

    def __init__(self, endpoint: str, left: int) -> None:
        self._port = int(endpoint.rpartition(":")[2])
        self._left = left
        self._door = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                ours, _ = self._door.accept()
                theirs = socket.create_connection(("127.0.0.1", self._port))
                self._open += [ours, theirs]
                for one, other in ((ours, theirs), (theirs, ours)):
                    Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while part := one.recv(1024):
                self._left -= len(part)
                if self._left < 0:
                    self.die()
                other.sendall(part)

    def die(self) -> None:
        """Be gone, with all that is under way."""
        for each in (self._door, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@pytest.fixture
def mortal(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Give a function that lets the store of the settings die after so many bytes; 0: never."""
    made: list[Mortal] = []

    def after(left: int) -> None:
        made.append(Mortal(endpoint, left))
        monkeypatch.setenv("GEPT_S3_ENDPOINT", made[-1].url if left else endpoint)

    yield after
    for each in made:
        each.die()


# Not within the manifest: this store keeps what came of an upload that was cut, which S3 does not.
@pytest.mark.parametrize("after", [100, 2_500, 4_000])
def test_a_store_that_dies_while_it_is_written_to_holds_no_half_day(
    run: Run, day: None, mortal: Callable[[int], None], after: int
) -> None:
    mortal(after)
    dead = run("hourly")
    mortal(0)
    listed, again, verified = run("list"), run("hourly"), run("verify")

    assert isinstance(dead.exception, ArchiveAway)
    assert "the store does not answer; see GEPT_S3_ENDPOINT" in str(dead.exception)
    assert "4800 rows" not in dead.output + listed.output
    assert "prices_1h 2026-09-03: archived: 4800 rows" in again.output
    assert verified.exit_code == 0


@pytest.mark.parametrize("after", [100, 3_000, 12_000])
@pytest.mark.parametrize(
    "arguments",
    [
        ("verify",),
        ("restore", "hourly", "--replace"),
        ("hourly", "--check"),
        ("hourly", "--older-than", "30d", "--drop", "--yes"),
    ],
)
def test_a_store_that_dies_while_it_is_read_is_not_taken_for_damaged(
    run: Run,
    day: None,
    mortal: Callable[[int], None],
    query: Ask,
    arguments: tuple[str, ...],
    after: int,
) -> None:
    run("hourly")
    query("UPDATE prices_1h SET avg_low_price = 7 WHERE item_id = 5")
    mortal(after)

    dead = run(*arguments)

    assert isinstance(dead.exception, ArchiveAway)
    assert dead.output == ""
    assert query("SELECT count(avg_low_price) FROM prices_1h") == [(24,)]


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
