"""When the database took nothing, and why: on disk until the ledger knows it.

Who is killed meanwhile would else forget it, and who starts meanwhile sees it as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from ..model import Collector

MOST = 100


class Outage(msgspec.Struct, frozen=True):
    """The first and the last tick of a collector that the database did not take, and why."""

    first: datetime
    last: datetime
    why: str


class Outages:
    """The outages that the ledger does not know of: a file a collector, where there is a folder.

    A disk that refuses costs what could be told after a restart, and nothing else.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._earlier: dict[str, list[Outage]] = {}
        self._present: dict[str, Outage] = {}

    def note(self, collector: str, tick: datetime, why: str) -> None:
        """Take notice of a tick that was not taken; the present outage lasts up to it at least."""
        present = self._present.get(collector)
        if present is None or present.last != tick:
            first = tick if present is None else present.first
            self._present[collector] = Outage(first, tick, why)
            self._write(collector, [*self._before(collector), self._present[collector]][-MOST:])

    def spans(
        self, collector: Collector, tick: datetime
    ) -> Iterator[tuple[datetime, datetime, str]]:
        """Yield begin, end and reason of each outage; the present one ends with a tick.

        Of one that another process saw, nothing is known after the last tick that it noted.
        """
        for each in self._before(collector.name):
            yield each.first, collector.schedule.following(each.last), each.why
        if (present := self._present.get(collector.name)) is not None:
            yield present.first, tick, present.why

    def forget(self, collector: str) -> None:
        """Forget what the ledger knows by now."""
        if self._before(collector) or collector in self._present:
            self._earlier[collector] = []
            self._present.pop(collector, None)
            self._write(collector, [])

    def _before(self, collector: str) -> list[Outage]:
        """Return what processes before this one have noted and nobody has told the ledger."""
        if collector not in self._earlier:
            self._earlier[collector] = self._read(collector)
        return self._earlier[collector]

    def _read(self, collector: str) -> list[Outage]:
        if self._folder is None:
            return []
        with suppress(OSError, msgspec.MsgspecError):
            file = self._folder / f"{collector}.json"
            return msgspec.json.decode(file.read_bytes(), type=list[Outage])
        return []

    def _write(self, collector: str, outages: list[Outage]) -> None:
        if self._folder is None:
            return
        file = self._folder / f"{collector}.json"
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            part = file.with_suffix(".part")
            part.write_bytes(msgspec.json.encode(outages))
            part.rename(file)
