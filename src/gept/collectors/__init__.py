"""Every collector: one module each, offering ``COLLECTOR``; and those that other packages offer.

A package offers one by an entry point of the group ``gept.collectors`` whose name is the
collector's.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pkgutil import iter_modules

from ..errors import UsageError
from ..model import Collector

GROUP = "gept.collectors"


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


def of_packages() -> dict[str, str]:
    """Return the package of each collector that does not come with gept."""
    return {point.name: _package(point) for point in entry_points(group=GROUP)}


def _loaded(point: EntryPoint) -> Collector:
    try:
        found = point.load()
    except Exception as error:  # code that is not gept's runs here, and may raise anything
        raise _unfit(point, f"cannot be loaded ({type(error).__name__}: {error})") from error
    if not isinstance(found, Collector):
        raise _unfit(point, f"is {type(found).__name__}, not a gept.model.Collector")
    from ..declaration import faults  # most installations have nothing of others to judge

    if wrong := faults(found):
        raise ill_declared(point.name, _package(point), wrong)
    return found


def _refuse_unfit(collector: Collector, point: EntryPoint, known: dict[str, Collector]) -> None:
    if collector.name != point.name:
        raise _unfit(point, f"calls itself {collector.name!r}")
    if collector.name in known:
        raise _unfit(point, "has the name of another collector")
    if taken := [each.name for each in known.values() if each.port == collector.port]:
        raise _unfit(point, f"has the port of {taken[0]}, {collector.port}")


def ill_declared(name: str, package: str, wrong: Sequence[str]) -> UsageError:
    """Return the error of a collector of another package whose declaration has faults."""
    return _unusable(name, package, f"is not declared well: {'; '.join(wrong)}")


def _unfit(point: EntryPoint, why: str) -> UsageError:
    return _unusable(point.name, _package(point), why)


def _unusable(name: str, package: str, why: str) -> UsageError:
    return UsageError(f"the collector {name!r} of {package} {why}; mend or uninstall it")


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.value
