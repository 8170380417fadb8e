"""What is written outlasts a loss of power."""

from __future__ import annotations

import os
from pathlib import Path


def settle(path: Path) -> None:
    """See to it that a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
