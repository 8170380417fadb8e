"""What may be set.

Each field of ``Settings`` declares its variable, how it is read, its default and its meaning; the
reference page and the checks are made from these declarations.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from .. import sources
from .readers import (
    Bytes,
    address,
    ascii_text,
    count,
    database_url,
    path,
    place,
    pooler,
    port,
    size,
    sslmode,
    switch,
    text,
    token,
    url,
    within,
)

OURS = "GEPT_"
FOR_TESTS = "GEPT_TEST_"
INTERVALS = within(timedelta(seconds=10), timedelta(days=1))
PER_COLLECTOR = re.compile(r"GEPT_[A-Z0-9_]+_(INTERVAL|PORT|URL)")
OF_COLLECTOR: dict[str, Callable[[str], Any]] = {"INTERVAL": INTERVALS, "PORT": port, "URL": url}


def setting(
    name: str, read: Callable[[str], Any], default: Any, about: str, *, secret: bool = False
) -> Any:
    """Declare one setting: its variable, how it is read, its default and its meaning."""
    return field(
        default=default, metadata={"name": name, "read": read, "about": about, "secret": secret}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that a user may set. See ``docs/reference/settings.md``."""

    database_url: str | None = setting(
        "DATABASE_URL",
        database_url,
        None,
        "The database as one address; in place of the `DB_*` settings.",
        secret=True,
    )
    db_host: str | None = setting(
        "DB_HOST",
        text,
        None,
        "Host or socket folder of your PostgreSQL. Without it and without `DATABASE_URL`, gept "
        "runs a PostgreSQL of its own under `DATA_DIR`.",
    )
    db_port: int = setting("DB_PORT", port, 5432, "Port of your PostgreSQL.")
    db_name: str = setting("DB_NAME", text, "osrs_data", "Name of the database.")
    db_user: str = setting("DB_USER", text, "osrs_user", "Role that connects.")
    db_pass: str | None = setting("DB_PASS", text, None, "Password of that role.", secret=True)
    db_sslmode: str | None = setting(
        "DB_SSLMODE",
        sslmode,
        None,
        "How the way to your PostgreSQL is closed to others: `verify-full` encrypts it and lets "
        "in only the server that the certificate names. Default: `prefer`, which encrypts where "
        "the server can and proves nothing.",
    )
    db_sslrootcert: Path | None = setting(
        "DB_SSLROOTCERT",
        path,
        None,
        "Certificate, in PEM form, of who signed that of the server; for the modes `verify-ca` "
        "and `verify-full`.",
    )
    db_pooler: str = setting(
        "DB_POOLER",
        pooler,
        "session",
        "`transaction` where a pooler such as PgBouncer in front of the database gives a "
        "connection for a transaction only; gept then keeps nothing in a session.",
    )
    data_dir: Path | None = setting(
        "DATA_DIR",
        path,
        None,
        "Folder for everything that gept keeps on disk. Default: `gept` in the user's data folder "
        "(`~/.local/share/gept` on Linux).",
    )
    pg_bindir: Path | None = setting(
        "PG_BINDIR",
        path,
        None,
        "Folder of `postgres` and `initdb` for gept's own PostgreSQL. Default: those that were "
        "installed with gept.",
    )
    bind_address: str = setting(
        "BIND_ADDRESS",
        address,
        "127.0.0.1",
        "Address that the web ports listen on; other machines reach them only if you change it.",
    )
    dashboard_port: int = setting(
        "DASHBOARD_PORT",
        port,
        8080,
        "Web port of `gept up` and `gept dashboard`: dashboard, metrics, health.",
    )
    dashboard_token: str | None = setting(
        "DASHBOARD_TOKEN",
        token,
        None,
        "Who has it may see the dashboard; at least 16 characters. `gept up` and `gept dashboard` "
        "need it where `BIND_ADDRESS` is not loopback.",
        secret=True,
    )
    dashboard_open: bool = setting(
        "DASHBOARD_OPEN",
        switch,
        False,
        "`1` shows the dashboard without a token to whoever reaches `BIND_ADDRESS`.",
    )
    tls_cert_file: Path | None = setting(
        "TLS_CERT_FILE",
        path,
        None,
        "Certificate, in PEM form, with which `gept up` and `gept dashboard` serve HTTPS on "
        "`DASHBOARD_PORT`; behind it in the file those that signed it. It and its key may be "
        "renewed in place while gept runs.",
    )
    tls_key_file: Path | None = setting(
        "TLS_KEY_FILE", path, None, "Private key of that certificate, in PEM form."
    )
    metrics_port: int | None = setting(
        "METRICS_PORT",
        port,
        None,
        "Web port of `gept collect` with one name. Default: the collector's own (9100 to 9105).",
    )
    collection_interval: timedelta | None = setting(
        "COLLECTION_INTERVAL",
        INTERVALS,
        None,
        "How often `gept collect` with one name asks a source of the present (`latest`, `news`, "
        "`players`, `items`). The buckets of `5m` and `hourly` are the source's: it does not "
        "change them.",
    )
    api_key: str | None = setting(
        "API_KEY",
        ascii_text,
        None,
        "Sent to the prices API as `Authorization: Bearer …`, and to nobody else.",
        secret=True,
    )
    contact: str | None = setting(
        "GEPT_CONTACT",
        ascii_text,
        None,
        "How the services reach you: an e-mail address or Discord name. It goes into the "
        "User-Agent, as they ask; gept warns without it.",
    )
    prices_url: str = setting(sources.PRICES.setting, url, sources.PRICES.url, sources.PRICES.about)
    news_url: str = setting(sources.NEWS.setting, url, sources.NEWS.url, sources.NEWS.about)
    changes_url: str = setting(
        sources.CHANGES.setting, url, sources.CHANGES.url, sources.CHANGES.about
    )
    players_url: str = setting(
        sources.PLAYERS.setting, url, sources.PLAYERS.url, sources.PLAYERS.about
    )
    total_url: str = setting(sources.TOTAL.setting, url, sources.TOTAL.url, sources.TOTAL.about)
    first_horizon: timedelta = setting(
        "GEPT_FIRST_HORIZON",
        within(timedelta(0), timedelta(days=3650)),
        timedelta(hours=24),
        "How far back the first start collects buckets.",
    )
    horizon: timedelta = setting(
        "GEPT_HORIZON",
        within(timedelta(0), timedelta(days=3650)),
        timedelta(days=7),
        "How old a missing bucket may be and still be repaired without being told to; "
        "`gept backfill` repairs older ones.",
    )
    pace: timedelta = setting(
        "GEPT_PACE",
        within(timedelta(milliseconds=100), timedelta(hours=1)),
        timedelta(seconds=1),
        "Time between two requests of repairs and backfills to one source: of all processes on "
        "one database together.",
    )
    beat: timedelta = setting(
        "GEPT_BEAT",
        within(timedelta(seconds=1), timedelta(seconds=60)),
        timedelta(seconds=10),
        "How often a process tells the database that it lives, and looks how all stands. Who "
        "stands by takes the lead from one that was silent for six beats.",
    )
    keep_rejects: timedelta = setting(
        "GEPT_KEEP_REJECTS",
        within(timedelta(hours=1), timedelta(days=3650)),
        timedelta(days=30),
        "How long entries of answers that could not be rows are kept for `gept rejects`, and "
        "answers that could not be read for `gept redecode`.",
    )

    compress_after: timedelta = setting(
        "GEPT_COMPRESS_AFTER",
        within(timedelta(days=1), timedelta(days=3650)),
        timedelta(days=14),
        "How old prices are when TimescaleDB compresses them, where the server has it. More than "
        "`GEPT_HORIZON` lets repairs go into tables that are not compressed yet.",
    )
    spool_limit: int = setting(
        "GEPT_SPOOL_LIMIT",
        size,
        Bytes(512 * 2**20),
        "Room on disk, in `DATA_DIR/spool`, for answers that cannot be had again while the "
        "database is away. A day of minutes has about 100 MiB.",
    )

    archive: str | None = setting(
        "GEPT_ARCHIVE",
        place,
        None,
        "Where `gept archive` keeps days: a folder, or `s3://bucket/prefix`. Default: the folder "
        "`archive` in `DATA_DIR`.",
    )
    s3_endpoint: str | None = setting(
        "GEPT_S3_ENDPOINT",
        url,
        None,
        "Address of an object store that speaks S3, such as `https://s3.example`. Default: that "
        "of Amazon for the region.",
    )
    s3_region: str = setting("GEPT_S3_REGION", text, "us-east-1", "Region of the bucket.")
    s3_access_key: str | None = setting(
        "GEPT_S3_ACCESS_KEY",
        ascii_text,
        None,
        "Access key for the bucket. Without it and its secret, those of the machine's own role "
        "are asked for.",
        secret=True,
    )
    s3_secret_key: str | None = setting(
        "GEPT_S3_SECRET_KEY", ascii_text, None, "Secret of that access key.", secret=True
    )
    backup_dir: Path | None = setting(
        "GEPT_BACKUP_DIR",
        path,
        None,
        "Folder that `gept backup` writes to; better on another disk. Default: `backups` in "
        "`DATA_DIR`.",
    )
    backup_keep_daily: int = setting(
        "GEPT_BACKUP_KEEP_DAILY",
        count,
        0,
        "Of how many days `gept backup` keeps the newest backup. Where this and the next two are "
        "all 0, it removes none.",
    )
    backup_keep_weekly: int = setting(
        "GEPT_BACKUP_KEEP_WEEKLY", count, 0, "Of how many weeks it keeps the newest backup."
    )
    backup_keep_monthly: int = setting(
        "GEPT_BACKUP_KEEP_MONTHLY", count, 0, "Of how many months it keeps the newest backup."
    )

    by_collector: Mapping[str, Any] = field(default_factory=dict)
    secret_files: Mapping[str, Path] = field(default_factory=dict)

    @property
    def embedded(self) -> bool:
        """Whether gept runs a PostgreSQL of its own."""
        return self.database_url is None and self.db_host is None

    @property
    def folder(self) -> Path:
        """The folder for everything on disk."""
        if self.data_dir is not None:
            return self.data_dir
        from platformdirs import user_data_path

        return user_data_path("gept", appauthor=False)

    @property
    def backups(self) -> Path:
        """The folder of backups."""
        return self.backup_dir or self.folder / "backups"

    def of_collector(self, name: str, what: str) -> Any:
        """Return what is set for one collector, such as its ``PORT``; None where nothing is."""
        return self.by_collector.get(variable(name, what))

    def address_of(self, source: sources.Source) -> str:
        """Return where a source is."""
        by_setting = {f.metadata["name"]: getattr(self, f.name) for f in declared()}
        return str({**self.by_collector, **by_setting}.get(source.setting, source.url))


def declared() -> list[Field[Any]]:
    """Return the declaration of each setting, in order; its ``metadata`` tells about it."""
    return [each for each in fields(Settings) if each.metadata]


def named(declaration: Field[Any]) -> str:
    """Return the variable of a setting."""
    return str(declaration.metadata["name"])


def variable(collector: str, what: str) -> str:
    """Return the variable that sets something, such as the ``PORT``, of one collector."""
    return f"{OURS}{collector.upper()}_{what}"


MASK = "********"
LOGIN = re.compile(r"//[^/@\s]+@")
"""A name and perhaps a password within an address."""


def shown(value: Any, *, secret: bool) -> str | None:
    """Return a value as its user may see it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.12g}s"
    return MASK if secret else LOGIN.sub(f"//{MASK}@", str(value))
