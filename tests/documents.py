"""What the documentation tells its readers to type."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[1]
GUIDES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs" / "tutorial").glob("*.md")),
    *sorted((ROOT / "docs" / "how-to").glob("*.md")),
]
COMMAND = re.compile(
    r"^ {4,}(?:\S+[$#] |\$ )?(?:sudo (?:-u \S+ )?)?(?:[A-Z_0-9]+=\S+ )*(?:\.venv/bin/)?gept ([a-z].*)$",
    re.MULTILINE,
)
SQL = re.compile(r"^( *)```sql\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[list[str]]:
    """Return the arguments of each ``gept …`` line of a page's shell blocks."""
    text = re.sub(r"\\\n\s*", "", page.read_text())
    return [shlex.split(found, comments=True) for found in COMMAND.findall(text)]


def queries(page: Path) -> list[str]:
    """Return a page's blocks of SQL."""
    return [text for _, text in SQL.findall(page.read_text())]
