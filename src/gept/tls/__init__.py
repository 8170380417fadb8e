"""The certificate of the dashboard: what is wrong with one, when it ends, and its renewal."""

from .certified import Certified
from .pair import loaded
from .renewal import Renewal

__all__ = ["Certified", "Renewal", "loaded"]
