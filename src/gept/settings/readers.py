"""How a setting's text is read: each reader returns a value, or says what would be right."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

SHORTEST_TOKEN = 16
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
SIZES = {"MiB": 2**20, "GiB": 2**30}
BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{2,62}(/[^\s]*)?")
BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
LONGEST = timedelta(days=36_525)
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class Wrong(Exception):
    """A value is wrong: what it is not, and what would be right."""


def text(value: str) -> str:
    """Read printable text."""
    if not value.isprintable():
        raise Wrong("has characters that cannot be printed; write it on one line")
    return value


def ascii_text(value: str) -> str:
    """Read text that can stand in an HTTP header."""
    if not (value.isascii() and value.isprintable()):
        raise Wrong("cannot stand in an HTTP header; use printable ASCII characters only")
    return value


def token(value: str) -> str:
    """Read a token that nobody guesses, and that can stand in an HTTP header."""
    if len(ascii_text(value)) < SHORTEST_TOKEN or " " in value:
        remedy = f"set at least {SHORTEST_TOKEN} characters without spaces"
        raise Wrong(f"is no good token; {remedy}, such as those of: openssl rand -hex 16")
    return value


def switch(value: str) -> bool:
    """Read whether something is on."""
    if value not in {"0", "1"}:
        raise Wrong("is neither on nor off; set 1 or 0")
    return value == "1"


def port(value: str) -> int:
    """Read a TCP port."""
    if not re.fullmatch(r"[0-9]{1,5}", value) or not 0 < int(value) < 65536:
        raise Wrong("is not a port; set a whole number from 1 to 65535")
    return int(value)


def count(value: str) -> int:
    """Read how many of something."""
    if not re.fullmatch(r"[0-9]{1,4}", value):
        raise Wrong("is not a number; set a whole number from 0 to 9999")
    return int(value)


def address(value: str) -> str:
    """Read an IP address to listen on."""
    from ipaddress import ip_address  # `gept health` starts without it

    try:
        return str(ip_address("127.0.0.1" if value == "localhost" else value))
    except ValueError:
        raise Wrong("is not an IP address; set 127.0.0.1, or 0.0.0.0 for every network") from None


def path(value: str) -> Path:
    """Read a path; ``~`` is the home folder."""
    try:
        value.encode()
        return Path(value).expanduser().absolute()
    except RuntimeError:
        raise Wrong("names the home of a user who is not there; write the whole path") from None
    except UnicodeEncodeError:
        raise Wrong("is not in UTF-8; name a folder that is") from None


def place(value: str) -> str:
    """Read where an archive is: a folder, or a bucket."""
    if value.startswith("s3://") and not re.fullmatch(BUCKET, value):
        raise Wrong(
            "names no bucket: its name has 3 to 63 of a-z, 0-9, . and -, and what follows no "
            "spaces; set s3://bucket/prefix"
        )
    if "://" in value and not value.startswith("s3://"):
        raise Wrong("is no place; set a folder, or s3://bucket/prefix")
    return text(value) if "://" in value else str(path(value))


def url(value: str) -> str:
    """Read the address of a web service."""
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and parts.hostname and (parts.port or 1)
    except ValueError:
        usable = False
    if not usable or not (value.isascii() and value.isprintable()) or " " in value:
        raise Wrong("is not a web address; set one such as https://host.example/path")
    return value.rstrip("/") if not parts.query and parts.path != "/" else value


def database_url(value: str) -> str:
    """Read a PostgreSQL connection URI."""
    try:
        parts = urlsplit(value)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"postgresql", "postgres"}:
        raise Wrong("is not a database address; set postgresql://user:password@host:5432/name")
    if parts.netloc.count("@") > 1:
        raise Wrong("has more than one @; write one that belongs to the password as %40")
    if BROKEN_ESCAPE.search(value):
        raise Wrong("has a % without two hexadecimal digits behind it; write % itself as %25")
    for host in parts.netloc.rpartition("@")[2].split(","):
        _port_of(host)
    return value


def _port_of(host: str) -> int | None:
    """Read the port that may stand behind a host; libpq takes several hosts, with a port each."""
    _, colon, number = host.rpartition("]")[2].rpartition(":")
    return port(number) if colon and number else None


def pooler(value: str) -> str:
    """Read how a connection pooler in front of the database gives connections out."""
    if value not in {"session", "transaction"}:
        raise Wrong("is no way to pool; set session or transaction")
    return value


def sslmode(value: str) -> str:
    """Read how far a connection to the database is closed to others."""
    if value not in SSL_MODES:
        raise Wrong(f"is no way to encrypt; set one of {', '.join(SSL_MODES)}")
    return value


class Bytes(int):
    """An amount of bytes, written in MiB."""

    def __str__(self) -> str:
        return f"{self // 2**20}MiB"


def size(value: str) -> Bytes:
    """Read an amount of bytes: a number with MiB or GiB behind it."""
    match = re.fullmatch(r"([0-9]{1,9}) ?(MiB|GiB)", value.strip())
    if not match or int(match[1]) == 0:
        raise Wrong("is not an amount of bytes; set a whole number with MiB or GiB: 512MiB")
    return Bytes(int(match[1]) * SIZES[match[2]])


def duration(value: str) -> timedelta:
    """Read a length of time: seconds, or a number with s, m, h or d behind it."""
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)([smhd]?)", value.strip())
    if not match:
        raise Wrong("is not a length of time; set seconds, or a number with s, m, h or d: 7d")
    if (seconds := float(match[1]) * UNITS[match[2]]) > LONGEST.total_seconds():
        raise Wrong("is more than a hundred years; set a shorter time")
    return timedelta(seconds=seconds)


def within(low: timedelta, high: timedelta) -> Callable[[str], timedelta]:
    """Return a reader of a length of time between two bounds."""

    def read(value: str) -> timedelta:
        if not low <= (length := duration(value)) <= high:
            bounds = f"{low.total_seconds():g} and {high.total_seconds():g} seconds"
            raise Wrong(f"is out of range; set a length of time between {bounds}")
        return length

    return read
