"""Every collector: one module each, offering ``COLLECTOR``."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from ..model import Collector


def load_all() -> dict[str, Collector]:
    """Return every collector by its name, in the order of their ports."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    declared: list[Collector] = [module.COLLECTOR for module in modules]
    return {each.name: each for each in sorted(declared, key=lambda each: each.port)}
