"""What commands that go on until they are told to stop share."""

from __future__ import annotations

from threading import Event as Flag
from typing import TYPE_CHECKING

from .. import app
from ..app.following import Following
from ..model import Collector
from ..observe import logs
from ..settings import Settings
from ..web import Ports, take

if TYPE_CHECKING:
    from ..tls import Renewal


def follow(
    settings: Settings,
    collectors: list[Collector],
    ports: dict[str, int],
    tls: Renewal | None = None,
    *,
    dashboard: bool = False,
) -> None:
    """Follow collectors until SIGTERM or Ctrl-C; with the dashboard if it is wanted."""
    taken, stop = listening(settings, ports, tls)
    log = logs.get_logger()
    if settings.contact is None:
        log.warning(
            "no contact",
            remedy="set GEPT_CONTACT to your e-mail address or Discord name: the services ask "
            "for it, and may block whom they cannot reach",
        )
    if settings.collection_interval and not _applies(settings, collectors):
        log.warning(
            "COLLECTION_INTERVAL is not used",
            remedy="it is for `gept collect` with one of latest, news, players, items; remove it",
        )
    Following(settings, collectors, taken, stop, dashboard=dashboard).run()


def listening(
    settings: Settings, ports: dict[str, int], tls: Renewal | None = None
) -> tuple[Ports, Flag]:
    """Take the ports; return them, and the flag that SIGTERM and Ctrl-C set."""
    logs.configure()
    stop = Flag()
    app.stop_on_signals(stop)
    taken = take(settings.bind_address, ports, tls)
    host = f"[{settings.bind_address}]" if ":" in settings.bind_address else settings.bind_address
    scheme = "http" if tls is None else "https"
    urls = [f"{scheme}://{host}:{port}/" for port in ports.values()]
    logs.get_logger().info("listening", urls=urls)
    return taken, stop


def _applies(settings: Settings, collectors: list[Collector]) -> bool:
    return [each.schedule.interval for each in collectors] == [settings.collection_interval]
