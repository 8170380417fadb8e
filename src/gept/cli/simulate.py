"""``gept simulate``."""

from __future__ import annotations

import math
from typing import Any

import click

from .hint import hint

FASTEST = 100_000.0
FARTHEST = 1e9


class Number(click.FloatRange):
    """Reads a number between two bounds; what is none, such as ``nan``, has no place there."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number that a text tells."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


@click.command("simulate")
@click.option("--port", type=click.IntRange(1, 65535), default=8099, show_default=True)
@click.option(
    "--items", type=click.IntRange(1, 1_000_000), default=4000, show_default=True, help="How many."
)
@click.option(
    "--lag",
    type=click.IntRange(0),
    default=12,
    show_default=True,
    help="Seconds between the end of a bucket and its publication.",
)
@click.option(
    "--speed",
    type=Number(0, FASTEST, min_open=True),
    default=1.0,
    show_default=True,
    help="How fast its clock is.",
)
@click.option(
    "--offset",
    type=Number(-FARTHEST, FARTHEST),
    default=0.0,
    help="Seconds that its clock is ahead.",
)
def command(port: int, items: int, lag: int, speed: float, offset: float) -> None:
    """Serve a made-up market by the paths of the real services, on BIND_ADDRESS, until Ctrl-C.

    Faults are asked for by POST to /_fault:
    {"path": "/api/v1/osrs/5m", "fault": "status:503", "times": 3}
    """
    import time

    from .. import settings
    from ..errors import SettingsError
    from ..simulate import Clock, Market, Server

    clock, address = Clock(offset, speed, time.time()), settings.load().bind_address
    try:
        server = Server(Market(items), port, clock, lag, address=address)
    except OSError as error:
        raise SettingsError(
            [f"--port: {address}:{port} cannot be used ({error.strerror}); name another"]
        ) from None
    for name, value in server.environ().items():
        click.echo(f"export {name}='{value}'")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        hint("stopped")
