"""The command line. Each command is a module, imported when called, so that all start fast."""

from __future__ import annotations

import sys

import click

from .. import __version__
from ..errors import GeptError
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
        gept(prog_name="gept")
    except GeptError as error:
        hint(f"gept: {error}")
        sys.exit(exit_of(error))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(Exit.OK)
    finally:
        forget_unsaid()
