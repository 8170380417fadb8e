"""How long work on rows goes."""

from __future__ import annotations

from time import monotonic
from typing import Self

from .line import Line


class Counting:
    """Writes how many rows of a table are done, and how many a second."""

    def __init__(self) -> None:
        self._line = Line()
        self._about: tuple[str, str] | None = None
        self._begun = (0.0, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the line that is rewritten."""
        self._line.end()

    def count(self, name: str, what: str, rows: int, expected: int | None) -> None:
        """Show how many of about ``expected`` rows something was done to."""
        if self._about != (name, what):
            self._about, self._begun = (name, what), (monotonic(), rows)
        else:
            self._line.show(self._told(name, what, rows, expected))

    def _told(self, name: str, what: str, rows: int, expected: int | None) -> str:
        since, before = self._begun
        rate = (rows - before) / max(monotonic() - since, 0.001)
        of = f" of about {expected:,}" if expected else ""
        return f"{name}: {rows:,}{of} rows {what}, {rate:,.0f} rows/s"
