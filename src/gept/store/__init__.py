"""The one way into the database."""

from .database import Database, address
from .embedded import Server
from .lead import Lead
from .store import Day, Entry, Extent, Gap, Known, Process, Standing, Store

__all__ = [
    "Database",
    "Day",
    "Entry",
    "Extent",
    "Gap",
    "Known",
    "Lead",
    "Process",
    "Server",
    "Standing",
    "Store",
    "address",
]
