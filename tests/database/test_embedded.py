"""gept's own PostgreSQL: private, its owner's, and gone with its owner."""

from __future__ import annotations

import errno
import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import IO

import psycopg
import pytest

from gept.errors import SettingsError, StoreAway, StoreBroken
from gept.store import Server
from gept.store.embedded import account
from gept.store.embedded.cluster import see_to
from gept.store.embedded.log import Log, needing_room
from gept.store.embedded.postmaster import lives_in
from gept.store.embedded.programs import binaries

ROOT = os.geteuid() == 0
HOLD = """
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from gept.store import Server
server = Server(Path(sys.argv[1]), None, Event().wait)
server.ensure()
print(server.url("postgres"), flush=True)
sys.stdin.read()
"""


def server(folder: Path) -> Server:
    return Server(folder, None, Event().wait)


def answers(url: str) -> bool:
    try:
        with psycopg.connect(url) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def holder(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """Start a process that owns a server, and return it with the server's address."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    output: IO[str] | None = process.stdout
    assert output is not None
    url = output.readline().strip()
    assert url
    return process, url


def end(process: subprocess.Popen[str], number: signal.Signals) -> None:
    process.send_signal(number)
    process.communicate()


@pytest.fixture
def base() -> Iterator[Path]:
    """Give a folder where everybody can go."""
    base = Path("/var/tmp") / f"gept-test-{os.getpid()}"  # noqa: S108 - where everybody can go
    base.mkdir(mode=0o755)
    yield base
    shutil.rmtree(base)


@pytest.mark.parametrize(
    "name", ["with space", "quote'dollar$x", 'comma,"double"', "back\\slash", "l" * 90, "ü"]
)
def test_any_path_will_do(name: str, tmp_path: Path) -> None:
    running = server(tmp_path / name)
    running.ensure()

    assert answers(running.url("postgres"))
    running.stop()
    assert not answers(running.url("postgres"))


def test_nobody_else_is_let_in(tmp_path: Path) -> None:
    running = server(tmp_path)
    running.ensure()
    with psycopg.connect(running.url("postgres")) as connection:
        listening = connection.execute("SHOW listen_addresses").fetchone()
        durable = connection.execute(
            "SELECT bool_and(setting = 'on') FROM pg_settings "
            "WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')"
        ).fetchone()
    modes = [
        path.stat().st_mode & 0o707 for path in (running.folder, running.data, running.sockets)
    ]
    running.stop()

    assert listening == ("",)
    assert durable == (True,)
    assert modes == [0o700, 0o700, 0o700]


def test_folders_above_stay_as_they_are(tmp_path: Path) -> None:
    above = tmp_path / "above"
    above.mkdir(mode=0o700)
    running = server(above / "data")
    try:
        running.ensure()
    except StoreBroken as error:
        assert "DATA_DIR" in str(error)  # noqa: PT017 - without namespaces, root is told so
    running.stop()

    assert above.stat().st_mode & 0o777 == 0o700
    assert above.stat().st_uid == os.geteuid()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_its_owner_and_is_taken_over(number: signal.Signals, tmp_path: Path) -> None:
    owner, url = holder(tmp_path)
    end(owner, number)

    heir = server(tmp_path)
    heir.ensure()
    assert heir.owned
    assert answers(url)
    heir.stop()
    assert not answers(url)


def test_another_process_uses_it_and_does_not_end_it(tmp_path: Path) -> None:
    owner, url = holder(tmp_path)
    guest = server(tmp_path)
    guest.ensure()

    assert not guest.owned
    assert guest.url("postgres") == url
    guest.stop()
    assert answers(url)
    end(owner, signal.SIGTERM)


def test_a_stale_process_id_harms_nobody(tmp_path: Path) -> None:
    owner, _ = holder(tmp_path)
    status = tmp_path / "postgresql/data/postmaster.pid"
    content = status.read_text().splitlines()
    os.kill(int(content[0]), signal.SIGKILL)
    end(owner, signal.SIGKILL)
    innocent = subprocess.Popen(["sleep", "60"])
    status.write_text("\n".join([str(innocent.pid), *content[1:]]))

    heir = server(tmp_path)
    heir.ensure()
    heir.stop()

    assert innocent.poll() is None
    innocent.kill()
    innocent.wait()


def test_a_stale_status_is_not_believed_while_another_process_starts(tmp_path: Path) -> None:
    owner, _ = holder(tmp_path)
    status = tmp_path / "postgresql/data/postmaster.pid"
    content = status.read_text()
    end(owner, signal.SIGTERM)
    while Path("/proc", content.split()[0]).exists():
        Event().wait(0.05)
    status.write_text(content)
    with (tmp_path / "postgresql/lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        assert not server(tmp_path)._ready()


def test_a_folder_behind_a_link_is_the_same_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    owner, url = holder(tmp_path / "link")
    guest = server(tmp_path / "link")
    guest.ensure()

    assert not guest.owned
    assert answers(url)
    pid = (tmp_path / "real/postgresql/data/postmaster.pid").read_text().split()[0]
    assert lives_in(pid, guest.data)
    assert not lives_in(str(os.getpid()), guest.data)
    end(owner, signal.SIGTERM)


def test_programs_that_do_not_run_are_told(tmp_path: Path) -> None:
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "data/postgresql/data").mkdir(parents=True, mode=0o700)
    (tmp_path / "data/postgresql/data/PG_VERSION").write_text("18\n")

    with pytest.raises(StoreBroken, match=r"does not tell its version .* PG_BINDIR"):
        Server(tmp_path / "data", tmp_path, Event().wait).ensure()


def test_a_full_disk_is_told_in_one_line(tmp_path: Path) -> None:
    programs, data = tmp_path / "programs", tmp_path / "home/data"
    for folder in (programs, data.parent):
        folder.mkdir()
    said = 'FATAL: could not write to file "x": No space left on device'
    (programs / "initdb").write_text(f"#!/bin/sh\necho '{said}\nremoving' >&2\nexit 1\n")
    (programs / "initdb").chmod(0o755)

    with pytest.raises(StoreBroken, match=r"device; make room, or set DATA_DIR to") as caught:
        see_to(data, tmp_path / "moved", programs)

    assert "\n" not in str(caught.value)
    assert not [*data.parent.iterdir()]


def test_only_what_this_start_has_said_tells_of_a_full_disk(tmp_path: Path) -> None:
    full, log = b'FATAL:  could not write lock file "x": No space left on device\n', Log(tmp_path)
    with log.opened() as file:
        file.write(full)
    with pytest.raises(StoreAway, match=r"is full; make room on the disk of DATA_DIR, and gept"):
        log.refuse_full_disk()

    with log.opened() as file:
        file.write(b"FATAL:  something else\n")
    log.refuse_full_disk()
    assert log.end() == "FATAL:  something else"


def test_a_disk_too_full_for_what_a_start_writes_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("gept.store.embedded.server.entrance.guarded", refuse)
    with pytest.raises(StoreAway, match="is full; make room on the disk of DATA_DIR"):
        server(tmp_path).ensure()
    with pytest.raises(OSError, match="Read-only"), needing_room(tmp_path):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def test_an_interrupted_first_start_is_begun_again(tmp_path: Path) -> None:
    half_made = tmp_path / "postgresql" / "data.new"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")

    running = server(tmp_path)
    running.ensure()
    running.stop()

    assert not half_made.exists()


def test_data_of_another_version_is_refused_with_advice(tmp_path: Path) -> None:
    running = server(tmp_path)
    running.ensure()
    running.stop()
    (running.data / "PG_VERSION").write_text("12\n")

    with pytest.raises(StoreBroken, match="is of PostgreSQL 12, but .* PG_BINDIR"):
        server(tmp_path).ensure()


def test_what_the_server_says_is_told_when_it_does_not_start(tmp_path: Path) -> None:
    running = server(tmp_path)
    running.ensure()
    running.stop()
    (running.data / "postgresql.conf").write_text("nonsense = 1\n")

    with pytest.raises(StoreBroken, match="unrecognized configuration parameter"):
        server(tmp_path).ensure()


def test_being_stopped_ends_the_wait(tmp_path: Path) -> None:
    stop = Event()
    stop.set()

    with pytest.raises(StoreAway, match="stopped"):
        Server(tmp_path, None, stop.wait).ensure()


def test_a_folder_without_programs_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="PG_BINDIR: .* holds no postgres"):
        _ = Server(tmp_path, tmp_path, Event().wait).binaries


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SettingsError, match="DATA_DIR: .* cannot be made"):
        server(tmp_path / "file").ensure()


def test_a_socket_elsewhere_is_found_by_others_and_removed_at_the_end(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(base))
    running, guest = (server(tmp_path / ("l" * 90)) for _ in range(2))
    running.ensure()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    assert guest.url("postgres") == running.url("postgres")
    guest.ensure()
    assert running.sockets.parent == base
    assert answers(guest.url("postgres"))
    running.stop()
    assert not running.sockets.exists()
    guest.ensure()
    assert guest.owned
    assert guest.sockets == running.sockets
    guest.stop()


def test_a_start_removes_what_a_killed_server_of_its_own_left_in_tmp(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/tmp")  # noqa: S108 - nothing is written there
    own, other = (server(tmp_path / (letter * 90)).sockets for letter in "lm")
    for each in (own, other):
        each.mkdir(mode=0o700)
    monkeypatch.setattr("tempfile.tempdir", str(base))
    running = server(tmp_path / ("l" * 90))
    running.ensure()
    found = [each.exists() for each in (own, other)]
    running.stop()
    other.rmdir()

    assert found == [False, True]


def test_a_strangers_socket_folder_is_told_by_the_setting_that_moves_it(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(base))
    running = server(tmp_path / ("l" * 90))
    running.sockets.symlink_to(tmp_path)

    with pytest.raises(SettingsError, match=r"TMPDIR: .*gept-\d+-\w+' belongs to another user"):
        running.ensure()
    assert running.sockets.exists()


def test_a_path_with_a_line_break_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="DATA_DIR: .* holds a line break"):
        server(tmp_path / "a\nb").ensure()


def test_a_wait_for_something_else_than_a_server_is_told(tmp_path: Path) -> None:
    owner, _ = holder(tmp_path)
    status = tmp_path / "postgresql/data/postmaster.pid"
    content = status.read_text().splitlines()
    end(owner, signal.SIGTERM)
    while Path("/proc", content[0]).exists():
        Event().wait(0.05)
    settled = subprocess.Popen(["sleep", "60"], cwd=status.parent)
    status.write_text("\n".join([str(settled.pid), *content[1:]]))
    said: list[str] = []

    with pytest.raises(StoreAway):
        Server(tmp_path, None, lambda _: bool(said), say=said.append).ensure()

    assert f"waits for process {settled.pid} to end" in said[0]
    settled.kill()
    settled.wait()


def test_a_wait_for_another_gept_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "postgresql").mkdir(mode=0o700)
    with (tmp_path / "postgresql/lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        with pytest.raises(StoreAway):
            Server(tmp_path, None, lambda _: bool(said), say=said.append).ensure()

    assert "waits for the gept that holds" in said[0]


def test_a_death_of_the_server_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    running = Server(tmp_path, None, Event().wait, say=said.append)
    running.ensure()
    os.kill(int((running.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    while running.owned:
        Event().wait(0.02)
    running.ensure()
    running.stop()

    assert len(said) == 1
    assert "PostgreSQL died by SIGKILL, and is started again" in said[0]


@pytest.fixture
def without_namespaces(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the kernel seem to allow no namespaces."""
    if not ROOT:
        pytest.skip("only root can become another user")
    monkeypatch.setattr(account, "_works", lambda _: False)
    account.choose.cache_clear()
    yield
    monkeypatch.undo()
    account.choose.cache_clear()


def ensured(folder: Path) -> Server:
    """Start a server, unless this environment is closed to other users."""
    running = server(folder)
    try:
        running.ensure()
    except StoreBroken as error:
        if "install gept where" in str(error):
            pytest.skip(f"this environment is closed to other users: {error}")
        raise
    return running


def tried_by_nobody(address: str) -> str:
    """Return what another process of `nobody` hears when it connects."""
    user = pwd.getpwnam("nobody")
    tried = subprocess.run(
        [binaries(None) / "psql", "-Xd", address, "-c", "SELECT 1"],
        user=user.pw_uid,
        group=user.pw_gid,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    return tried.stdout + tried.stderr


@pytest.mark.usefixtures("without_namespaces")
def test_where_no_namespaces_are_it_runs_as_nobody(base: Path) -> None:
    running = ensured(base / "data")

    assert answers(running.url("postgres"))
    assert running.data.stat().st_uid == account.choose().owner != 0
    running.stop()


@pytest.mark.usefixtures("without_namespaces")
def test_no_other_process_of_nobody_is_let_in(base: Path) -> None:
    running = ensured(base / "data")
    kept_out = tried_by_nobody(running.url("postgres"))
    for folder in (running.folder, running.sockets):
        folder.chmod(0o777)
    usual = running.sockets / ".s.PGSQL.5432"
    usual.chmod(0o777)
    refused = tried_by_nobody(running.url("postgres"))
    running.stop()

    assert "Permission denied" in kept_out
    assert "Peer authentication failed" in refused


def test_the_user_of_gept_is_let_in_by_name_and_no_other_role_without_password(
    tmp_path: Path,
) -> None:
    running = server(tmp_path)
    running.ensure()
    with psycopg.connect(running.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE guest LOGIN")
        rules = connection.execute(
            "SELECT auth_method FROM pg_hba_file_rules WHERE type = 'local'"
        ).fetchall()
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(running.url("postgres"), user="guest")
    running.stop()

    assert rules == [("peer",), ("scram-sha-256",)]


def test_data_once_given_to_nobody_are_given_back(
    base: Path, without_namespaces: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = ensured(base / "data")
    running.stop()
    # An older gept gave away the folder, too.
    os.chown(running.folder, account.choose().owner, -1)
    monkeypatch.undo()
    account.choose.cache_clear()
    if account.choose().owner != 0:
        pytest.skip("this kernel allows no user namespaces")
    again = ensured(base / "data")

    assert answers(again.url("postgres"))
    assert {path.lstat().st_uid for path in (again.folder, *again.folder.rglob("*"))} == {0}
    assert again.folder.stat().st_mode & 0o777 == 0o700
    again.stop()


def test_a_folder_that_cannot_be_read_is_told(base: Path) -> None:
    (base / "file").touch()

    with pytest.raises(SettingsError, match="DATA_DIR: '.*/file/.*' cannot be read"):
        assert server(base / "file").initialised
