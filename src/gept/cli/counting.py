"""How long work on rows goes: one line that is rewritten on a terminal, one a minute elsewhere."""

from __future__ import annotations

import sys
from time import monotonic
from types import TracebackType
from typing import Self

import click

EVERY = 60.0
CLEAR = "\r\x1b[K"


class Counting:
    """Writes how many rows of a table are done, and how many a second."""

    def __init__(self) -> None:
        self._stream = sys.stderr
        self._about: tuple[str, str] | None = None
        self._begun = (0.0, 0)
        self._written = -EVERY

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the line that is rewritten."""
        if self._stream.isatty():
            click.echo(CLEAR, file=self._stream, nl=False)

    def count(self, name: str, what: str, rows: int, expected: int | None) -> None:
        """Show how many of about ``expected`` rows something was done to."""
        if self._about != (name, what):
            self._about, self._begun = (name, what), (monotonic(), rows)
        elif self._stream.isatty():
            line = self._line(name, what, rows, expected)
            click.echo(f"{CLEAR}{line}", file=self._stream, nl=False)
        elif monotonic() - self._written >= EVERY:
            self._written = monotonic()
            click.echo(self._line(name, what, rows, expected), file=self._stream)

    def _line(self, name: str, what: str, rows: int, expected: int | None) -> str:
        since, before = self._begun
        rate = (rows - before) / max(monotonic() - since, 0.001)
        of = f" of about {expected:,}" if expected else ""
        return f"{name}: {rows:,}{of} rows {what}, {rate:,.0f} rows/s"
