"""HTTP out: metrics, health and the dashboard, in threads of their own."""

from .ports import Ports, Server, take

__all__ = ["Ports", "Server", "take"]
