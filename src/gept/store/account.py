"""Under whom the embedded server runs: PostgreSQL refuses to run as root.

A normal user runs it as itself. Root runs it in a user namespace in which root's own files belong
to ``nobody``: it sees itself as an ordinary user, and no file has to be given to anyone. Where the
kernel allows no namespaces (some containers), it really becomes ``nobody``, and what lies under
``DATA_DIR`` is given to it.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
ORDINARY = "nobody"

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Account:
    """How to start a program so that it is not root: what runs in the child before it."""

    become: Callable[[], None]
    owner: int

    def enter(self) -> None:
        """Become the account, and end when the starting process ends. Runs in the child."""
        parent = os.getppid()
        self.become()
        if sys.platform == "linux":
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT)
            if os.getppid() != parent:
                os._exit(1)

    def give(self, folder: Path) -> None:
        """Give a folder with all that is in it to the account, where it is another's."""
        if os.geteuid() != 0 or folder.lstat().st_uid == self.owner:
            return
        for parent, _, files in os.walk(folder):
            for name in (".", *files):
                os.chown(Path(parent, name), self.owner, -1, follow_symlinks=False)


@cache
def choose() -> Account:
    """Return the account for this process. What the child needs to know is looked up here."""
    if os.geteuid() != 0:
        return Account(lambda: None, os.geteuid())
    ordinary = pwd.getpwnam(ORDINARY)
    namespace = Account(partial(_enter_namespace, ordinary, os.getegid()), 0)
    if _works(namespace):
        return namespace
    return Account(partial(_become, ordinary), ordinary.pw_uid)


def can_reach(account: Account, path: Path) -> bool:
    """Tell whether the account can get at a path."""
    test = ["/usr/bin/env", "test", "-x", str(path)]
    return subprocess.run(test, preexec_fn=account.enter, check=False).returncode == 0


def _works(account: Account) -> bool:
    try:
        true = ["/usr/bin/env", "true"]
        return subprocess.run(true, preexec_fn=account.enter, check=False).returncode == 0
    except (subprocess.SubprocessError, OSError):
        return False


def _enter_namespace(ordinary: pwd.struct_passwd, group: int) -> None:
    if _libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "no user namespaces here")
    for name, content in (
        ("setgroups", "deny"),
        ("uid_map", f"{ordinary.pw_uid} 0 1"),
        ("gid_map", f"{ordinary.pw_gid} {group} 1"),
    ):
        Path("/proc/self", name).write_text(content, encoding="ascii")


def _become(ordinary: pwd.struct_passwd) -> None:
    os.setgroups([])
    os.setgid(ordinary.pw_gid)
    os.setuid(ordinary.pw_uid)
