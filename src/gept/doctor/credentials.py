"""Whether what gept is told is complete, and whether its secrets are kept."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..settings import declared, named
from ..settings.dotenv import dotenv
from .finding import Finding, failure, ok, warning
from .subject import Subject

GUESSED = frozenset(
    {
        *("your_password", "your_secure_password", "dev_password", "your_api_key", "change me"),
        *("password", "postgres", "changeme", "secret", "osrs", "osrs_user", "gept", "admin"),
    }
)
"""What everybody tries first: the examples of the specification, of our own pages, and names."""
READ = stat.S_IROTH
WRITTEN = stat.S_IWOTH | stat.S_IWGRP


def environment(subject: Subject) -> Iterator[Finding]:
    """Whether what every installation should set is set."""
    settings = subject.settings
    where = "gept's own PostgreSQL" if settings.embedded else "your PostgreSQL"
    if settings.contact is None:
        yield warning(
            "environment",
            f"the settings fit one another ({where}); GEPT_CONTACT is not set",
            "set GEPT_CONTACT to your e-mail address or Discord name: the services ask for it",
        )
        return
    yield ok("environment", f"the settings fit one another ({where})")


def credentials(subject: Subject) -> Iterator[Finding]:
    """Whether secrets are hard to guess, and in files that only their reader can read."""
    found = [*_guessed(subject), *_in_environment(subject), *_open_files(subject)]
    yield from found or [ok("credentials", "no secret is open to others")]


def _guessed(subject: Subject) -> Iterator[Finding]:
    for name, value in _passwords(subject):
        if value is not None and value.lower() in GUESSED:
            remedy = "make one that nobody guesses: openssl rand -hex 16"
            yield failure("credentials", f"{name}: its value (not shown) is easy to guess", remedy)


def _passwords(subject: Subject) -> Iterator[tuple[str, str | None]]:
    settings = subject.settings
    yield "DB_PASS", settings.db_pass
    password = urlsplit(settings.database_url or "").password
    yield "DATABASE_URL", None if password is None else unquote(password)
    yield "API_KEY", settings.api_key


def _in_environment(subject: Subject) -> Iterator[Finding]:
    open_ones = [each for each in _secrets() if subject.environ.get(each)]
    if open_ones:
        yield warning(
            "credentials",
            f"in the environment, which other programs of this user can read: "
            f"{', '.join(open_ones)}",
            f"write it to a file of mode 600, and set {open_ones[0]}_FILE to its name",
        )


def _open_files(subject: Subject) -> Iterator[Finding]:
    for file, secret in _files(subject):
        wrong = READ | WRITTEN if secret else WRITTEN
        if (mode := _mode(file)) is not None and mode & wrong:
            seen = f"{file} has the mode {stat.S_IMODE(mode):o}: others can read or change it"
            yield failure("credentials", seen, f"chmod 600 {file}")


def _files(subject: Subject) -> Iterator[tuple[Path, bool]]:
    """Yield the files that gept reads its settings from, and whether each holds a secret."""
    settings = subject.settings
    keys = [settings.tls_key_file] if settings.tls_key_file is not None else []
    yield from ((each, True) for each in [*settings.secret_files.values(), *keys])
    held = dotenv(subject.folder)
    yield subject.folder / ".env", any(held.get(each) for each in _secrets())


def _mode(file: Path) -> int | None:
    try:
        return file.stat().st_mode
    except OSError:
        return None


def _secrets() -> list[str]:
    return [named(each) for each in declared() if each.metadata["secret"]]
