"""The public services, made up: what they answer, and their faults on demand.

For tests, and for anyone who wants to see gept at work without asking the real ones.
"""

from .faults import Faults
from .market import Market
from .server import Clock, Server

__all__ = ["Clock", "Faults", "Market", "Server"]
