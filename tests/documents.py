"""What the documentation tells its readers to type."""

from __future__ import annotations

import re
import shlex
import textwrap
from pathlib import Path

import yaml

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


SERVICES = re.compile(r"^( *)services:\n(?:(?:\1 +\S.*)?\n)+", re.MULTILINE)


def commands(page: Path) -> list[list[str]]:
    """Return the arguments of each ``gept …`` line of a page's shell blocks."""
    text = re.sub(r"\\\n\s*", "", page.read_text())
    return [shlex.split(found, comments=True) for found in COMMAND.findall(text)]


def queries(page: Path) -> list[str]:
    """Return a page's blocks of SQL."""
    return [text for _, text in SQL.findall(page.read_text())]


def services(page: Path) -> list[str]:
    """Return the names of the services in a page's blocks for Docker Compose."""
    blocks = [textwrap.dedent(each[0]) for each in SERVICES.finditer(page.read_text())]
    return [name for block in blocks for name in yaml.safe_load(block)["services"]]
