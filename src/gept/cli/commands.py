"""Groups of commands whose modules are imported when called, so that all start fast."""

from __future__ import annotations

from importlib import import_module
from keyword import iskeyword
from typing import Any

import click


class Commands(click.Group):
    """A group whose commands are modules of a package; each has its ``command``."""

    def __init__(self, *args: Any, package: str, modules: tuple[str, ...], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._package = package
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order in which a newcomer meets them."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name."""
        if cmd_name not in self._modules:
            return None
        module = f".{cmd_name}_" if iskeyword(cmd_name) else f".{cmd_name}"
        command: click.Command = import_module(module, self._package).command
        return command
