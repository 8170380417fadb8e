"""HTTP out: metrics, health and the dashboard, in a thread of its own."""

from .server import Server, tls

__all__ = ["Server", "tls"]
