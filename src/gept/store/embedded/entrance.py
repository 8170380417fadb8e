"""Who may enter gept's own PostgreSQL: the user that runs gept, and whoever has a password.

The rules are written at each start and named on the server's command line, so that they hold for
data of any age, and no file below the data can change them.
"""

from __future__ import annotations

from pathlib import Path

from . import account

SUPERUSER = "postgres"
RULES = """\
# Written by gept at each start.
local  all,replication  {superuser}  {how}
local  all              all          scram-sha-256
host   all              all          127.0.0.1/32  scram-sha-256
host   all              all          ::1/128       scram-sha-256
"""
NAMES = """\
# Written by gept at each start.
gept  "{us}"  {superuser}
"""


def guarded(folder: Path) -> dict[str, str]:
    """Write the rules into a folder, and return the server's settings that name them."""
    us = account.choose().us
    # A user without a name cannot be told by it; the folder of the socket is closed all the same.
    how = "peer map=gept" if us else "trust"
    rules = _write(folder / "pg_hba.conf", RULES.format(superuser=SUPERUSER, how=how))
    names = _write(folder / "pg_ident.conf", NAMES.format(superuser=SUPERUSER, us=us))
    return {"hba_file": str(rules), "ident_file": str(names)}


def _write(file: Path, content: str) -> Path:
    file.unlink(missing_ok=True)
    with file.open("x", encoding="utf-8") as new:
        new.write(content)
    account.choose().admit(file, 0o640)
    return file
