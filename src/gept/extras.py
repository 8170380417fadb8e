"""What gept can be installed with beside what it always needs."""

from __future__ import annotations

import shlex
import sys


def installing(extra: str) -> str:
    """Return the command that adds an extra to the Python that runs this gept, and to no other."""
    return f"{shlex.quote(sys.executable)} -m pip install 'gept[{extra}]'"
