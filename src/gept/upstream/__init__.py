"""The one way out to the services."""

from .client import agent, client
from .upstream import BUDGET, TRIES, Upstream, retry_after

__all__ = ["BUDGET", "TRIES", "Upstream", "agent", "client", "retry_after"]
