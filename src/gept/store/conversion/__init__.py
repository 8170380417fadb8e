"""Makes a filled table a hypertable while it is read and written, without losing a row.

All of it is copied into a hypertable beside, oldest first. Triggers note which times are written
meanwhile, in the transactions that write them; these times are copied anew. Once nothing is left,
the two change places in one short transaction.
"""

from .begin import abandon
from .drop import drop
from .place import Place
from .plan import Plan, Step, plan
from .progress import Progress, standing
from .work import Job, convert

__all__ = [
    "Job",
    "Place",
    "Plan",
    "Progress",
    "Step",
    "abandon",
    "convert",
    "drop",
    "plan",
    "standing",
]
