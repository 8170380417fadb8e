"""The file ``.env``."""

from __future__ import annotations

from pathlib import Path

from ..errors import SettingsError


def dotenv(folder: Path) -> dict[str, str]:
    """Return what the ``.env`` in a folder sets. Raises SettingsError where it cannot be read."""
    file = folder / ".env"
    try:
        if not file.is_file():
            return {}
        from dotenv.parser import parse_stream

        with file.open(encoding="utf-8") as stream:
            lines = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"{file}: cannot be read ({error}); mend or remove it"]) from error
    wrong = [line.original.line for line in lines if line.error]
    if wrong:
        raise SettingsError([f"{file}: line {n} is no setting; write NAME=value" for n in wrong])
    return {line.key: line.value or "" for line in lines if line.key}
