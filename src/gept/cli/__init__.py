"""The command line. Each command is a module, imported when called, so that all start fast."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from .. import __version__
from ..errors import GeptError
from .exits import Exit, exit_of

COMMANDS = (
    "up",
    "collect",
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
    "health",
    "doctor",
    "db",
    "settings",
    "simulate",
)


class Commands(click.Group):
    """A group whose commands are the modules of this package."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f".{cmd_name}", __name__).command
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gept")
def gept() -> None:
    """Gather Old School RuneScape Grand Exchange market data into PostgreSQL."""


def main() -> None:
    """Run the command line; tell errors in a sentence and by the exit code."""
    try:
        gept(prog_name="gept")
    except GeptError as error:
        click.echo(f"gept: {error}", err=True)
        sys.exit(exit_of(error))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(Exit.OK)
