"""``gept archive …``: a module for each command."""

from __future__ import annotations

from typing import Any

import click

from ..commands import Commands

MODULES = ("write", "list", "verify", "restore")


class Archive(Commands):
    """A group where the name of what is to be archived may stand in place of a command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take what begins with no command for ``write``."""
        if args and args[0] not in {*MODULES, "-h", "--help"}:
            args = ["write", *args]
        return super().parse_args(ctx, args)


@click.group("archive", cls=Archive, package=__name__, modules=MODULES)
def command(**_: Any) -> None:
    """Keep closed days as Parquet files, in a folder or a bucket; `gept archive 5m` writes."""
    from ...observe import logs

    logs.configure()
