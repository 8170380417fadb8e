"""What is told beside the result: no loss where standard error cannot be written."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

import click


def hint(text: str, stream: TextIO | None = None, *, nl: bool = True) -> None:
    """Tell something on standard error, or another stream; a full disk or a reader gone is none."""
    with suppress(OSError):
        click.echo(text, file=stream or sys.stderr, nl=nl)


def forget_unsaid() -> None:
    """Let go of what standard error does not take; else the interpreter ends with 120 for it."""
    try:
        if not sys.stderr.closed:
            sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
