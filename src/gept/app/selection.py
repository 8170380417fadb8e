"""The collectors as the settings want them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from uuid import getnode

from .. import collectors
from ..errors import SettingsError, UsageError
from ..model import Collector
from ..settings import Settings, stranger

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
    alone = settings.collection_interval if len(names) == 1 else None
    return [adapted(each, settings, alone) for each in found]


def adapted(collector: Collector, settings: Settings, alone: timedelta | None) -> Collector:
    """Return a collector with the port and the interval that the settings give it."""
    name, named = collector.name.upper(), settings.by_collector
    schedule = collector.schedule
    if collector.history is None:
        wanted = named.get(f"GEPT_{name}_INTERVAL", alone)
        schedule = replace(schedule, interval=wanted or schedule.interval)
    spread = LATEST_START if collector.history is None else BUCKET_START
    late = min(schedule.interval / 20, spread) * offset(settings)
    port = named.get(f"GEPT_{name}_PORT", collector.port)
    return replace(collector, port=port, schedule=replace(schedule, delay=schedule.delay + late))


def offset(settings: Settings) -> float:
    """Return a number from 0 to 1 that is this installation's own and stays the same.

    It spreads many installations over the seconds of a source that all of them ask at :00.
    """
    own = f"{getnode()} {settings.folder} {settings.db_host} {settings.contact}"
    return int.from_bytes(sha256(own.encode()).digest()[:4]) / 2**32


def refuse_strangers(known: Mapping[str, Collector], settings: Settings) -> None:
    """Raise SettingsError for each setting of a collector or source that is not there."""
    present = [each for each in known.values() if each.history is None]
    ours = {f"GEPT_{each.name.upper()}_INTERVAL" for each in present}
    ours |= {f"GEPT_{name.upper()}_PORT" for name in known}
    ours |= {each.source.setting for each in known.values()}
    named = settings.by_collector
    if strange := [stranger(name, named[name], ours) for name in named if name not in ours]:
        raise SettingsError(strange)


def ports(chosen: Sequence[Collector], settings: Settings) -> dict[str, int]:
    """Return the web ports of ``gept collect``, each by what sets it."""
    if len(chosen) == 1:
        return {"METRICS_PORT": settings.metrics_port or chosen[0].port}
    return {f"port of {each.name}": each.port for each in chosen}
