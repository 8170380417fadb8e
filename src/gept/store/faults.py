"""What the errors of the driver mean for us: what passes, what a person must mend, and how."""

from __future__ import annotations

import psycopg
from psycopg_pool import PoolTimeout

from ..errors import StoreAway, StoreBroken, StoreError, StoreRefused

UNFIT = ("22", "23")
"""Classes of SQLSTATE that the rows are to blame for: their values, or a constraint."""
TEMPORARY = ("08", "25", "40", "53", "55", "57", "58", "XX")
"""Classes of SQLSTATE that pass: connection, read-only, deadlock, room, lock, shutdown, I/O."""
REMEDIES = {
    "28P01": "set DB_USER and DB_PASS to those of a role that may log in",
    "28000": "set DB_USER to a role that may log in, or let `gept db roles` give it a password",
    "3D000": "create the database, or set DB_NAME to one that is there",
    "42501": "run it as the owner, or let `gept db roles` grant what the role lacks",
    "42883": "let the owner run `gept db migrate`, and an administrator `gept db roles`",
    "26000": "set DB_POOLER=transaction if a pooler is in front of the database",
    "42P05": "set DB_POOLER=transaction if a pooler is in front of the database",
    "42P01": "run `gept db migrate`; where that changes nothing, a table was renamed or dropped",
    "42703": "run `gept db migrate`; where that changes nothing, a column was renamed or dropped",
}
LIMITED = "53400"
RAISE = (
    "raise the limit that it names (timescaledb.max_tuples_decompressed_per_dml_transaction, "
    "temp_file_limit): ALTER DATABASE … SET …; the tick is tried again by itself"
)
FULL = "53100"
ROOM = "its disk is full: make room there, and gept goes on by itself"
NOT_LOADED = "must be preloaded"
LOAD = "add timescaledb to shared_preload_libraries and restart the server"
"""What the server says, ending the session, of any change while an extension is not loaded."""
STALE_PLAN = "cached plan must not change result type"
"""What the server says once in a session after somebody has changed a column's type."""

TRUST = "set DB_SSLROOTCERT to the certificate of who signed that of the server"
SIGNS = {
    "password authentication failed": REMEDIES["28P01"],
    "no password supplied": REMEDIES["28P01"],
    "is not permitted to log in": REMEDIES["28000"],
    "certificate verify failed": TRUST,
    "root certificate file": TRUST,
    "could not read root certificate": TRUST,
    "does not match host name": "set DB_HOST to a name that the certificate of the server has",
    "server does not support SSL": "switch TLS on at the server; only then does DB_SSLMODE hold",
    "no encryption": "set DB_SSLMODE=verify-full: the server takes encrypted connections only",
    'FATAL: role "': REMEDIES["28P01"],
    '" does not exist': REMEDIES["3D000"],
}
"""What libpq says when it cannot connect: it gives no SQLSTATE then."""


def translated(error: Exception, *refused: str) -> StoreError:
    """Return what an error of the driver means; ``refused`` is why it could not connect last."""
    said = _said(error)
    if isinstance(error, PoolTimeout):
        said = ": ".join([said, *refused])
        remedy = next((what for sign, what in SIGNS.items() if sign in said), "")
        return StoreAway(f"the database cannot be reached: {said}{remedy and f'; {remedy}'}")
    state = getattr(error, "sqlstate", None)
    if state is None and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        remedy = next((what for sign, what in SIGNS.items() if sign in said), "")
        return StoreAway(f"the connection to the database broke: {said}{remedy and f'; {remedy}'}")
    if state == LIMITED:
        return StoreRefused(f"a limit of the database is too low ({state}): {said}; {RAISE}", state)
    if state is not None and (state.startswith(TEMPORARY) or STALE_PLAN in said):
        remedy = LOAD if NOT_LOADED in said else ROOM if state == FULL else ""
        return StoreAway(
            f"the database refuses for now ({state}): {said}{remedy and f'; {remedy}'}"
        )
    if state.startswith(UNFIT) if state else isinstance(error, psycopg.DataError):
        return StoreRefused(
            f"the rows do not fit the tables ({state or 'driver'}): {said}", state or ""
        )
    remedy = REMEDIES.get(state or "", "")
    return StoreBroken(f"the database refuses ({state}): {said}{remedy and f'; {remedy}'}")


def _said(error: Exception) -> str:
    """Return an error as one line: of the server's, without the statement and its long hints."""
    about = error.diag if isinstance(error, psycopg.Error) else None
    parts = (about.message_primary, about.message_detail) if about else ()
    told = ": ".join(part for part in parts if part) or str(error)
    return " ".join(told.split()) or type(error).__name__
