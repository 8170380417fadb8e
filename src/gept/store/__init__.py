"""The one way into the database."""

from .database import Database, address
from .embedded import Server
from .store import Entry, Gap, Known, Standing, Store

__all__ = ["Database", "Entry", "Gap", "Known", "Server", "Standing", "Store", "address"]
