"""The one way into the database."""

from .database import Database, address, renewing
from .embedded import Server
from .hours import Difference, Hour, Made
from .lead import Lead
from .records import Day, Entry, Extent, Gap, Known, Process, Rank, Size, Standing
from .rejects import Reject, RejectCount, Search
from .store import Store

__all__ = [
    "Database",
    "Day",
    "Difference",
    "Entry",
    "Extent",
    "Gap",
    "Hour",
    "Known",
    "Lead",
    "Made",
    "Process",
    "Rank",
    "Reject",
    "RejectCount",
    "Search",
    "Server",
    "Size",
    "Standing",
    "Store",
    "address",
    "renewing",
]
