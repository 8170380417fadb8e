"""Settings as they hold, for a person to read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass
from pathlib import Path
from typing import Any

from . import declared, load, named
from .declarations import shown
from .dotenv import dotenv


@dataclass(frozen=True, slots=True)
class Effective:
    """One setting as it holds: its value as text, where it comes from, and what it means."""

    name: str
    value: str | None
    source: str
    about: str


def effective(
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    of_collectors: Iterable[Field[Any]] = (),
) -> list[Effective]:
    """Return every setting as it holds, secrets masked. Raises SettingsError as ``load`` does.

    ``of_collectors`` are the declarations of what may be set for single collectors.
    """
    environ = os.environ if environ is None else environ
    file = dotenv(folder or Path.cwd())
    loaded = load(environ, folder)
    held = {"data_dir": loaded.folder, "backup_dir": loaded.backups}
    values = [(each, held.get(each.name, getattr(loaded, each.name))) for each in declared()]
    by_name = loaded.by_collector
    values += [(each, by_name.get(named(each), each.default)) for each in of_collectors]
    return [_effective(each, value, environ, file) for each, value in values]


def _effective(
    declaration: Field[Any], value: Any, environ: Mapping[str, str], file: Mapping[str, str]
) -> Effective:
    name, about = declaration.metadata["name"], declaration.metadata["about"]
    names = [name, f"{name}_FILE"] if declaration.metadata["secret"] else [name]
    found = [(each, "environment") for each in names if environ.get(each)]
    found += [(each, ".env") for each in names if file.get(each)]
    source = "default"
    if found:
        setter, origin = found[0]
        source = origin if setter == name else f"{origin}, by {setter}"
    text = shown(value, secret=declaration.metadata["secret"])
    return Effective(name, text, source, about)
