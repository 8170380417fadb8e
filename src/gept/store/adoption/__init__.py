"""Takes over a database that gept did not make, without losing a row."""

from .begin import begin
from .drop import drop
from .parts import Part, standing
from .plan import Plan, Step, plan
from .work import Job, work

__all__ = ["Job", "Part", "Plan", "Step", "begin", "drop", "plan", "standing", "work"]
