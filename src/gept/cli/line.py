"""One line that tells how something goes: rewritten on a terminal, one a minute elsewhere."""

from __future__ import annotations

import sys
from time import monotonic
from typing import TextIO

from .hint import hint

EVERY = 60.0
CLEAR = "\r\x1b[K"


class Line:
    """The line, and what is said beside it."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._shown_at = -EVERY

    def show(self, text: str) -> None:
        """Rewrite the line; where nothing can be rewritten, write one a minute."""
        if self._terminal:
            hint(f"{CLEAR}{text}", self._stream, nl=False)
        elif monotonic() - self._shown_at >= EVERY:
            self.say(text)
            self._shown_at = monotonic()

    def say(self, text: str) -> None:
        """Write a line that stays."""
        hint(f"{CLEAR if self._terminal else ''}{text}", self._stream)

    def end(self) -> None:
        """Take the line away."""
        if self._terminal:
            hint(CLEAR, self._stream, nl=False)
