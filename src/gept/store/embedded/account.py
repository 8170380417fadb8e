"""Under whom the embedded server runs: PostgreSQL refuses to run as root.

A normal user runs it as itself. Root runs it in a user namespace in which root's own files belong
to ``nobody``: it sees itself as an ordinary user, and no file has to be given to anyone. Where the
kernel allows no namespaces (some containers), it really becomes ``nobody``, and its data are given
to it; every other process of ``nobody`` is kept out by a group that only the server has.
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

from ...settings.secrets import without

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
ORDINARY = "nobody"
GROUP = 61_017
"""A number that no system gives to a group: it has no name, and needs none."""

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Account:
    """How to start a program so that it is not root: what runs in the child before it.

    ``owner`` owns what the program writes. ``us`` is the name that it reads on our connections.
    ``group`` is there where the program needs one to get at what is ours.
    """

    become: Callable[[], None]
    owner: int
    us: str | None
    group: int | None = None

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
        # The folder itself comes last: its owner tells whether this was done to the end.
        for parent, _, files in os.walk(folder, topdown=False):
            for name in (*files, "."):
                os.chown(Path(parent, name), self.owner, -1, follow_symlinks=False)

    def admit(self, path: Path, mode: int) -> None:
        """Keep a path for us, and let the account in as far as the group's part of a mode."""
        if os.geteuid() == 0:
            os.chown(path, 0, -1 if self.group is None else self.group, follow_symlinks=False)
        path.chmod(mode & 0o700 if self.group is None else mode)


@cache
def choose() -> Account:
    """Return the account for this process. What the child needs to know is looked up here."""
    user = os.geteuid()
    if user != 0:
        return Account(lambda: None, user, _name(user))
    ordinary = pwd.getpwnam(ORDINARY)
    namespace = Account(partial(_enter_namespace, ordinary, os.getegid()), 0, ORDINARY)
    if _works(namespace):
        return namespace
    return Account(partial(_become, ordinary), ordinary.pw_uid, _name(user), GROUP)


def environ() -> dict[str, str]:
    """Return what a program is given of our environment: all of it but the secrets."""
    return without(os.environ)


def owners() -> set[int]:
    """Return who may own what is ours: root has its files in either way of running the server."""
    user = os.geteuid()
    return {user} if user != 0 else {user, pwd.getpwnam(ORDINARY).pw_uid}


def can_reach(account: Account, path: Path) -> bool:
    """Tell whether the account can get at a path."""
    test = ["/usr/bin/env", "test", "-x", str(path)]
    done = subprocess.run(test, env=environ(), preexec_fn=account.enter, check=False)
    return done.returncode == 0


def _name(user: int) -> str | None:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return None


def _works(account: Account) -> bool:
    true = ["/usr/bin/env", "true"]
    try:
        done = subprocess.run(true, env=environ(), preexec_fn=account.enter, check=False)
    except (subprocess.SubprocessError, OSError):
        return False
    return done.returncode == 0


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
    os.setgid(GROUP)
    os.setuid(ordinary.pw_uid)
