"""What a running PostgreSQL says of itself, in the file ``postmaster.pid`` of its data."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

PROCESS, SOCKETS, STATE = 0, 4, 7


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A server as its status file names it. The file may be older than the server's death."""

    data: Path
    process: str
    sockets: Path | None
    ready: bool

    @property
    def lives(self) -> bool:
        """Whether the process is a server of these data, as far as the system lets us know."""
        return sys.platform != "linux" or lives_in(self.process, self.data)


def found(data: Path) -> Postmaster | None:
    """Return what the status file of the data says, if there is one."""
    try:
        lines = os.fsdecode((data / "postmaster.pid").read_bytes()).split("\n")
    except OSError:
        return None
    lines += [""] * (STATE + 1 - len(lines))
    sockets = Path(lines[SOCKETS]) if lines[SOCKETS] else None
    process = lines[PROCESS].strip().lstrip("-")
    return Postmaster(data, process, sockets, lines[STATE].strip() == "ready")


def lives_in(process: str, data: Path) -> bool:
    """Tell whether a process works in a data folder; its number alone proves nothing."""
    try:
        return Path("/proc", process, "cwd").samefile(data)
    except OSError:
        return False
