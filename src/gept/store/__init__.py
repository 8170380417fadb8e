"""The one way into the database."""

from .database import Database, address
from .embedded import Server
from .hours import Difference, Hour, Made
from .store import Entry, Gap, Known, Standing, Store

__all__ = [
    "Database",
    "Difference",
    "Entry",
    "Gap",
    "Hour",
    "Known",
    "Made",
    "Server",
    "Standing",
    "Store",
    "address",
]
