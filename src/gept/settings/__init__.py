"""Settings: read once from the environment and an optional ``.env`` into one frozen value.

Every fault is found before any is reported.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import Field
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from .contradictions import contradictions
from .declarations import (
    FOR_TESTS,
    OF_COLLECTOR,
    OURS,
    PER_COLLECTOR,
    Settings,
    declared,
    named,
    shown,
    variable,
)
from .dotenv import dotenv
from .readers import Wrong
from .secrets import Newest, renewed, secret

__all__ = [
    "PER_COLLECTOR",
    "Newest",
    "Settings",
    "declared",
    "load",
    "named",
    "renewed",
    "stranger",
    "variable",
]


def load(environ: Mapping[str, str] | None = None, folder: Path | None = None) -> Settings:
    """Return the settings of an environment and of the ``.env`` in a folder, which it overrides.

    Raises SettingsError with every fault found, not only the first.
    """
    found = {**dotenv(folder or Path.cwd()), **(os.environ if environ is None else environ)}
    values = {name: value for name, value in found.items() if value}
    faults = _unknown(values)
    settings: dict[str, Any] = {}
    for each in declared():
        try:
            if (value := _value(each, values)) is not None:
                settings[each.name] = value
        except Wrong as fault:
            faults.append(str(fault))
    settings["secret_files"] = _secret_files(values)
    settings["by_collector"] = {}
    for name in sorted(_of_collectors(values)):
        try:
            settings["by_collector"][name] = _read(name, values[name], _of_collectors(values)[name])
        except Wrong as fault:
            faults.append(str(fault))
    faults += contradictions(values)
    if faults:
        raise SettingsError(faults)
    return Settings(**settings)


def _value(declaration: Field[Any], values: Mapping[str, str]) -> Any:
    name = declaration.metadata["name"]
    raw, shown = values.get(name), values.get(name)
    if declaration.metadata["secret"]:
        raw, shown = secret(name, values), "its value (not shown)"
    if raw is None:
        return None
    try:
        return declaration.metadata["read"](raw)
    except Wrong as fault:
        said = shown if declaration.metadata["secret"] else repr(shown)
        raise Wrong(f"{name}: {said} {fault}") from None


def _secret_files(values: Mapping[str, str]) -> dict[str, Path]:
    """Return where the secrets are that are in files, by the field that holds each."""
    secrets = [each for each in declared() if each.metadata["secret"]]
    files = {each.name: values.get(f"{named(each)}_FILE") for each in secrets}
    return {name: Path(file) for name, file in files.items() if file}


def _unknown(values: Mapping[str, str]) -> list[str]:
    known = {each.metadata["name"] for each in declared()}
    known |= {f"{each.metadata['name']}_FILE" for each in declared() if each.metadata["secret"]}
    ours = {name for name in values if name.startswith(OURS) and not name.startswith(FOR_TESTS)}
    known |= set(_of_collectors(values))
    return [stranger(name, values[name], known) for name in sorted(ours - known)]


def _of_collectors(values: Mapping[str, str]) -> dict[str, Callable[[str], Any]]:
    """Return the settings of single collectors, with their readers.

    Whether there is such a collector is known to those that know the collectors.
    """
    known = {each.metadata["name"] for each in declared()}
    return {
        name: OF_COLLECTOR[match[1]]
        for name in values
        if (match := PER_COLLECTOR.fullmatch(name)) and name not in known
    }


def _read(name: str, value: str, read: Callable[[str], Any]) -> Any:
    try:
        return read(value)
    except Wrong as fault:
        raise Wrong(f"{name}: {value!r} {fault}") from None


def stranger(name: str, value: object, known: set[str]) -> str:
    """Return the fault of a setting that is none, with what may have been meant."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1, cutoff=0.8)
    remedy = f"did you mean {near[0]}?" if near else "remove it"
    return f"{name}: {shown(value, secret=False)!r} is for no setting of gept; {remedy}"
