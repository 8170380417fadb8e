"""Secrets: set themselves, or by the file that holds them, which may change while gept runs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path

from .declarations import Settings, declared, named
from .readers import Wrong


def secret(name: str, values: Mapping[str, str]) -> str | None:
    """Return a secret that is set, itself or by a file; None where it is not. Raises Wrong."""
    file = values.get(f"{name}_FILE")
    if file is None:
        return values.get(name)
    if name in values:
        raise Wrong(f"{name}: set here and by {name}_FILE as well; keep one of the two")
    return held_by(f"{name}_FILE", Path(file))


def held_by(name: str, file: Path) -> str:
    """Return the secret that a file holds. Raises Wrong, which names what has named the file."""
    try:
        content = file.read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise Wrong(
            f"{name}: {str(file)!r} cannot be read ({reason}); name a readable file"
        ) from None
    if not content:
        raise Wrong(f"{name}: {str(file)!r} is empty; write the secret into it")
    return content


def without(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the secrets of gept: what programs are given that it starts."""
    secrets = {named(each) for each in declared() if each.metadata["secret"]}
    return {name: value for name, value in environ.items() if name not in secrets}


class Newest:
    """Settings with the secrets that their files hold now.

    What cannot be read stays as it was last: whoever changes a secret may have written half of it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self) -> Settings:
        """Return the settings; the files are read for it."""
        self._settings = renewed(self._settings)
        return self._settings


def renewed(settings: Settings) -> Settings:
    """Return settings with the secrets read anew that are in files.

    What cannot be read stays: whoever changes a secret may have written half of it.
    """
    about = {each.name: each.metadata for each in fields(settings)}
    found = {}
    for field, file in settings.secret_files.items():
        with suppress(Wrong):
            found[field] = about[field]["read"](held_by(field, file))
    return replace(settings, **found) if found else settings
