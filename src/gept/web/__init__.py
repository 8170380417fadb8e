"""HTTP out: metrics, health and status, in a thread of its own."""

from .server import Server

__all__ = ["Server"]
