"""Who may see the dashboard, and how it is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..settings import Settings
    from ..tls import Renewal


def certificate(settings: Settings) -> Renewal | None:
    """Return what serves HTTPS, where it is wanted."""
    from ..tls import Renewal

    cert, key = settings.tls_cert_file, settings.tls_key_file
    return None if cert is None or key is None else Renewal(cert, key)


def refuse_open_door(settings: Settings) -> None:
    """Raise SettingsError where others than this machine could see the dashboard unasked."""
    from ipaddress import ip_address

    from ..errors import SettingsError

    address = settings.bind_address
    if ip_address(address).is_loopback or settings.dashboard_token or settings.dashboard_open:
        return
    remedy = "set a token (openssl rand -hex 16), or DASHBOARD_OPEN=1 to show it to all"
    fault = f"is not set, but BIND_ADDRESS {address!r} shows the dashboard to others; {remedy}"
    raise SettingsError([f"DASHBOARD_TOKEN: {fault}"])
