"""Memory: the threads share one heap, and what is free is given back."""

from __future__ import annotations

import ctypes
from contextlib import suppress

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
HEAP = {M_ARENA_MAX: 1, M_MMAP_THRESHOLD: 65_536, M_TRIM_THRESHOLD: 131_072}


def spare_memory() -> None:
    """Let the threads share one heap, and give back what is large as soon as it is free.

    Else each thread's own heap would keep the room of its largest answer for ever.
    """
    for option, value in HEAP.items():
        _libc("mallopt", option, value)


def give_back_memory() -> None:
    """Give the system what the imports and the start needed and nobody uses any more."""
    _libc("malloc_trim", 0)


def _libc(function: str, *arguments: int) -> None:
    """Call a function of the C library, where it has it."""
    with suppress(AttributeError, OSError):
        getattr(ctypes.CDLL(None), function)(*arguments)
