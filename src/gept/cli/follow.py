"""What ``gept up`` and ``gept collect`` share."""

from __future__ import annotations

from ssl import SSLContext
from threading import Event as Flag

from .. import app
from ..app.following import Following
from ..model import Collector
from ..observe import logs
from ..settings import Settings
from ..web import Server


def follow(
    settings: Settings,
    collectors: list[Collector],
    ports: dict[str, int],
    tls: SSLContext | None = None,
    *,
    dashboard: bool = False,
) -> None:
    """Follow collectors until SIGTERM or Ctrl-C; with the dashboard if it is wanted."""
    logs.configure()
    stop = Flag()
    app.stop_on_signals(stop)
    web = Server(settings.bind_address, ports, tls)
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
    host = f"[{settings.bind_address}]" if ":" in settings.bind_address else settings.bind_address
    scheme = "http" if tls is None else "https"
    log.info("listening", urls=[f"{scheme}://{host}:{port}/" for port in ports.values()])
    Following(settings, collectors, web, stop, dashboard).run()


def _applies(settings: Settings, collectors: list[Collector]) -> bool:
    return [each.schedule.interval for each in collectors] == [settings.collection_interval]
