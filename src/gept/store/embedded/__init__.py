"""gept's own PostgreSQL: made, run, entered and upgraded without any other installation."""

from .server import Server

__all__ = ["Server"]
