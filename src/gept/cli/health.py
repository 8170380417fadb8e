"""``gept health``: small, since container engines call it every few seconds."""

from __future__ import annotations

import socket
import sys

import click

from .exits import Exit

LOCAL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to ask one that listens there
OURS = '{"status":'
"""How each answer begins that gept gives there."""


@click.command("health")
@click.argument("name", required=False)
@click.option("--live", is_flag=True, help="Ask only whether the process works.")
@click.option("--ready", is_flag=True, help="Ask only whether the database answers.")
@click.option("--port", type=click.IntRange(1, 65535), help="Ask this port.")
def command(name: str | None, live: bool, ready: bool, port: int | None) -> None:
    """Ask a running gept whether it is healthy: `gept up`, or the `gept collect` of NAME."""
    path = _path(live=live, ready=ready)
    host, default, tls = _where(name)
    try:
        status, content = _asked(host, port or default, path, tls=tls)
    except (OSError, ValueError, IndexError) as error:
        click.echo(f"gept: nothing answers on {host}:{port or default} ({error})", err=True)
        sys.exit(Exit.UNHEALTHY)
    if not content.startswith(OURS):
        click.echo(f"gept: what answers on {host}:{port or default} is not gept", err=True)
        sys.exit(Exit.UNHEALTHY)
    click.echo(content)
    sys.exit(Exit.OK if status == 200 else Exit.UNHEALTHY)


def _path(*, live: bool, ready: bool) -> str:
    from ..errors import UsageError

    if live and ready:
        raise UsageError("--live and --ready: they ask different things; give one of them")
    return "/livez" if live else "/readyz" if ready else "/health"


def _asked(host: str, port: int, path: str, *, tls: bool) -> tuple[int, str]:
    """Return the status and the body of an answer; an HTTP library costs more than the rest."""
    with _connected(host, port, tls=tls) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body.decode("utf-8", "replace")


def _connected(host: str, port: int, *, tls: bool) -> socket.socket:
    """Connect. Who answers on our own machine is not asked for a certificate that names it."""
    connection = socket.create_connection((host, port), timeout=5)
    if not tls:
        return connection
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(connection)


def _where(name: str | None) -> tuple[str, int, bool]:
    """Return host and port to ask, and whether by TLS: only the dashboard's port has it."""
    from .. import settings

    loaded = settings.load()
    host = LOCAL.get(loaded.bind_address, loaded.bind_address)
    if name is None:
        return host, loaded.dashboard_port, loaded.tls_cert_file is not None
    return host, loaded.metrics_port or loaded.of_collector(name, "PORT") or _port_of(name), False


def _port_of(name: str) -> int:
    from ..collectors import load_all
    from ..errors import UsageError

    known = load_all()
    if name not in known:
        raise UsageError(f"{name!r} is no collector; there are {', '.join(known)}")
    return known[name].port
