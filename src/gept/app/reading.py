"""Reads of the database what the dashboard tells beside the health of this process."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ..errors import StoreError
from ..model import Collector
from ..store import LIVES, Neighbour, Store
from ..web.board import Reading
from . import now, ready

PREDICTIONS = ("predictions", "time")
"""A table that the earlier dashboard showed, and its column of time; others fill it."""


def read(store: Store, collectors: Sequence[Collector], horizon: timedelta) -> Reading:
    """Return what the database says; it costs the same however many rows the tables have."""
    at = now()
    tables = [name for each in collectors for name in each.tables]
    sizes = {each.name: each for each in store.sizes(tables)}
    processes = store.processes(at - LIVES)
    gaps = {each.name: store.gaps(each, at - horizon, ready(each, at)) for each in collectors}
    return Reading(sizes, processes, gaps, store.paused_backfills(), _predictions(store))


def _predictions(store: Store) -> Neighbour | None:
    """Return how the table of predictions stands, if there is one; its faults are not ours."""
    try:
        return store.neighbour(*PREDICTIONS)
    except StoreError as error:
        return Neighbour(PREDICTIONS[0], error=str(error))
