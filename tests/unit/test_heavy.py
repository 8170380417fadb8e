"""Heavy libraries are loaded by the commands that need them, when these are run."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("duckdb", "pyarrow", "obstore", "numpy", "pandas")
LOAD_ALL = """
import sys
import click
import gept.app.following
from gept.cli import gept

def load(group):
    for name in group.list_commands(click.Context(group)):
        found = group.get_command(click.Context(group), name)
        if isinstance(found, click.Group):
            load(found)

load(gept)
print(*(set(sys.modules) & set(sys.argv[1:])))
"""


def test_neither_collecting_nor_the_list_of_commands_loads_them() -> None:
    found = subprocess.run(
        [sys.executable, "-c", LOAD_ALL, *HEAVY], capture_output=True, text=True, check=True
    )

    assert found.stdout.split() == []
