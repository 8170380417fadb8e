"""The collectors as the settings want them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import Field, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import getnode

from .. import collectors
from ..errors import SettingsError, UsageError
from ..model import Collector
from ..settings import Settings, declared, named, stranger, variable
from ..settings.declarations import OF_COLLECTOR, setting, shown

ALONE = "METRICS_PORT holds for `gept collect` with one name only"
BUCKET_START, LATEST_START = timedelta(seconds=2), timedelta(minutes=5)


def chosen(names: Sequence[str], settings: Settings) -> list[Collector]:
    """Return collectors by name, all of them for no name, as the settings want them.

    Raises UsageError for an unknown one, SettingsError for a setting of none.
    """
    known = collectors.load_all()
    for name in names:
        if name not in known:
            raise UsageError(f"{name!r} is no collector; there are {', '.join(known)}")
    refuse_strangers(known, settings)
    found = [known[name] for name in dict.fromkeys(names)] or list(known.values())
    alone = settings.collection_interval if names and len(found) == 1 else None
    return [adapted(each, settings, alone) for each in found]


def adapted(collector: Collector, settings: Settings, alone: timedelta | None) -> Collector:
    """Return a collector with the port and the interval that the settings give it."""
    name, schedule = collector.name, collector.schedule
    if collector.history is None:
        wanted = settings.of_collector(name, "INTERVAL") or alone
        schedule = replace(schedule, interval=wanted or schedule.interval)
    spread = LATEST_START if collector.history is None else BUCKET_START
    late = min(schedule.interval / 20, spread) * offset(settings)
    port = settings.of_collector(name, "PORT") or collector.port
    return replace(collector, port=port, schedule=replace(schedule, delay=schedule.delay + late))


def offset(settings: Settings) -> float:
    """Return a number from 0 to 1 that is this installation's own and stays the same.

    It spreads many installations over the seconds of a source that all of them ask at :00.
    """
    own = f"{getnode()} {settings.folder} {settings.db_host} {settings.contact}"
    return int.from_bytes(sha256(own.encode()).digest()[:4]) / 2**32


def of_collectors(known: Mapping[str, Collector]) -> list[Field[Any]]:
    """Return the declarations of what may be set for single collectors and their own sources."""
    found = {named(each): each for one in known.values() for each in _declared_of(one)}
    ours = {named(each) for each in declared()}
    return [each for name, each in found.items() if name not in ours]


def _declared_of(collector: Collector) -> Iterator[Field[Any]]:
    name, source, read = collector.name, collector.source, OF_COLLECTOR
    about = f"Web port of `gept collect {name}`; METRICS_PORT goes before it."
    yield setting(variable(name, "PORT"), read["PORT"], collector.port, about)
    if collector.history is None:
        about = f"How often `{name}` is asked for; it goes before COLLECTION_INTERVAL."
        interval = collector.schedule.interval
        yield setting(variable(name, "INTERVAL"), read["INTERVAL"], interval, about)
    yield setting(source.setting, read["URL"], source.url, source.about)


def refuse_strangers(known: Mapping[str, Collector], settings: Settings) -> None:
    """Raise SettingsError for each setting of a collector or source that is not there."""
    fixed = {variable(each.name, "INTERVAL"): each for each in known.values() if each.history}
    usable = {named(each) for each in of_collectors(known)}
    strange = {name: value for name, value in settings.by_collector.items() if name not in usable}
    if strange:
        raise SettingsError(
            [
                _fixed(name, value, fixed[name]) if name in fixed else stranger(name, value, usable)
                for name, value in strange.items()
            ]
        )


def _fixed(name: str, value: Any, collector: Collector) -> str:
    """Return the fault of an interval that is the source's."""
    step = f"{collector.schedule.interval.total_seconds():g} s"
    given = shown(value, secret=False)
    return (
        f"{name}: {given!r} cannot be set: the buckets of {collector.name} are the source's, one "
        f"each {step}; remove it"
    )


def ports(chosen: Sequence[Collector], settings: Settings) -> dict[str, int]:
    """Return the web ports of ``gept collect``, each by what sets it."""
    if len(chosen) == 1:
        return {"METRICS_PORT": settings.metrics_port or chosen[0].port}
    unused = f" ({ALONE})" if settings.metrics_port else ""
    return {f"{variable(each.name, 'PORT')}{unused}": each.port for each in chosen}
