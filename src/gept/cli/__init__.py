"""The command line. Each command is a module, imported when called, so that all start fast."""

from __future__ import annotations

import os
import sys

import click

from .. import __version__
from ..errors import GeptError, UsageError
from .commands import Commands
from .exits import Exit, exit_of
from .hint import forget_unsaid, hint

COMMANDS = (
    "up",
    "collect",
    "dashboard",
    "once",
    "status",
    "gaps",
    "completeness",
    "rejects",
    "backfill",
    "repair",
    "spool",
    "redecode",
    "verify",
    "archive",
    "import",
    "backup",
    "restore",
    "health",
    "doctor",
    "db",
    "settings",
    "simulate",
)


@click.group(
    cls=Commands,
    package=__name__,
    modules=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="gept")
def gept() -> None:
    """Gather Old School RuneScape Grand Exchange market data into PostgreSQL."""


def main() -> None:
    """Run the command line; tell errors in a sentence and by the exit code."""
    try:
        _refuse_closed()
        gept(prog_name="gept")
    except GeptError as error:
        hint(f"gept: {error}")
        sys.exit(exit_of(error))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(Exit.OK)
    except OSError as error:
        if not _stuck():
            raise
        hint(f"gept: the output cannot be written: {error.strerror}")
        sys.exit(Exit.UNHEALTHY)
    finally:
        forget_unsaid()


def _refuse_closed() -> None:
    """Raise UsageError without a standard output: the next file that is opened would become it."""
    if sys.stdout is None:
        raise UsageError("the standard output is closed; where nobody reads it, add >/dev/null")


def _stuck() -> bool:
    """Tell whether standard output takes no more, and throw away what it would be given yet."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        return True
    return False
