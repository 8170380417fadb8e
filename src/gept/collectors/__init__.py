"""Every collector: one module each, offering ``COLLECTOR``; and those that other packages offer.

A package offers one by an entry point of the group ``gept.collectors`` whose name is the
collector's.
"""

from __future__ import annotations

import re
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pkgutil import iter_modules

from ..errors import UsageError
from ..model import Collector

GROUP = "gept.collectors"
NAME = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")


def load_all() -> dict[str, Collector]:
    """Return every collector by its name: ours by their ports, then those of other packages.

    Raises UsageError where one cannot be used, naming its package.
    """
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    declared: list[Collector] = [module.COLLECTOR for module in modules]
    known = {each.name: each for each in sorted(declared, key=lambda each: each.port)}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        collector = _loaded(point)
        _refuse_unfit(collector, point, known)
        known[collector.name] = collector
    return known


def migration_sets() -> dict[str, str]:
    """Return the packages whose migrations make the tables of other packages' collectors."""
    return {each.name: each.migrations for each in load_all().values() if each.migrations}


def _loaded(point: EntryPoint) -> Collector:
    try:
        found = point.load()
    except (ImportError, AttributeError, SyntaxError) as error:
        raise _unfit(point, f"cannot be loaded ({type(error).__name__}: {error})") from error
    if not isinstance(found, Collector):
        raise _unfit(point, f"is {type(found).__name__}, not a gept.model.Collector")
    return found


def _refuse_unfit(collector: Collector, point: EntryPoint, known: dict[str, Collector]) -> None:
    if collector.name != point.name:
        raise _unfit(point, f"calls itself {collector.name!r}")
    if not NAME.fullmatch(collector.name):
        raise _unfit(point, "needs a name of small letters and digits, joined by _")
    if collector.name in known:
        raise _unfit(point, "has the name of another collector")
    if taken := [each.name for each in known.values() if each.port == collector.port]:
        raise _unfit(point, f"has the port of {taken[0]}, {collector.port}")


def _unfit(point: EntryPoint, why: str) -> UsageError:
    package = point.dist.name if point.dist else point.value
    return UsageError(f"the collector {point.name!r} of {package} {why}; mend or uninstall it")
