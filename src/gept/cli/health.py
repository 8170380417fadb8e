"""``gept health``: small, since container engines call it every few seconds."""

from __future__ import annotations

import sys
from http.client import HTTPConnection, HTTPException

import click

from .exits import Exit

LOCAL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to ask one that listens there
PATHS = {"health": "/health", "live": "/livez", "ready": "/readyz"}


@click.command("health")
@click.argument("name", required=False)
@click.option("--live", "what", flag_value="live", help="Ask only whether the process works.")
@click.option("--ready", "what", flag_value="ready", help="Ask only whether the database answers.")
@click.option("--port", type=click.IntRange(1, 65535), help="Ask this port.")
def command(name: str | None, what: str | None, port: int | None) -> None:
    """Ask a running gept whether it is healthy: `gept up`, or the `gept collect` of NAME."""
    host, default = _where(name)
    try:
        connection = HTTPConnection(host, port or default, timeout=5)
        connection.request("GET", PATHS[what or "health"])
        answer = connection.getresponse()
        content = answer.read().decode("utf-8", "replace")
    except (OSError, HTTPException) as error:
        click.echo(f"gept: nothing answers on {host}:{port or default} ({error})", err=True)
        sys.exit(Exit.UNHEALTHY)
    click.echo(content)
    sys.exit(Exit.OK if answer.status == 200 else Exit.UNHEALTHY)


def _where(name: str | None) -> tuple[str, int]:
    from .. import settings

    loaded = settings.load()
    host = LOCAL.get(loaded.bind_address, loaded.bind_address)
    if name is None:
        return host, loaded.dashboard_port
    return host, loaded.metrics_port or _port_of(name)


def _port_of(name: str) -> int:
    from ..collectors import load_all
    from ..errors import UsageError

    known = load_all()
    if name not in known:
        raise UsageError(f"{name!r} is no collector; there are {', '.join(known)}")
    return known[name].port
