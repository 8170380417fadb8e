"""The one way into the database."""

from .absent import Absent
from .commit import Commit
from .database import Database, address, renewing
from .embedded import Server
from .hours import Difference, Hour, Made
from .lead import Lead
from .records import (
    LIVES,
    Day,
    Entry,
    Extent,
    Gap,
    Holder,
    Known,
    Neighbour,
    Process,
    Rank,
    Size,
    Standing,
)
from .rejects import Reject, RejectCount, Search
from .store import Store

__all__ = [
    "LIVES",
    "Absent",
    "Commit",
    "Database",
    "Day",
    "Difference",
    "Entry",
    "Extent",
    "Gap",
    "Holder",
    "Hour",
    "Known",
    "Lead",
    "Made",
    "Neighbour",
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
