"""The one way into the database."""

from .database import Database, address
from .embedded import Server
from .lead import Lead
from .store import Entry, Gap, Known, Process, Rank, Standing, Store

__all__ = [
    "Database",
    "Entry",
    "Gap",
    "Known",
    "Lead",
    "Process",
    "Rank",
    "Server",
    "Standing",
    "Store",
    "address",
]
