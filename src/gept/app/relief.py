"""Takes the lead from a process that holds it and no longer lives, as one that is suspended does.

Nobody's clock matters: what counts is how often we said that we live while the other did not. So
a database that takes no beats, or a machine that slept as a whole, takes nobody's lead away.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import StoreError
from ..model import Collector
from ..observe import logs
from ..store import Holder, Lead, Store

BEATS = 6
"""So many beats of ours without one of the leader's: a minute."""

log = logs.get_logger()


class Relief:
    """Watches those who lead what we stand by for. To be called after each beat of ours."""

    def __init__(self, store: Store, lead: Lead, collectors: Sequence[Collector]) -> None:
        self._store = store
        self._lead = lead
        self._names = [each.name for each in collectors]
        self._silent: dict[Holder, int] = {}

    def __call__(self) -> None:
        """Count who was silent since our last beat; end the session of who was for long."""
        others = [name for name in self._names if name not in self._lead.led]
        holders = self._store.holders(others) if others else []
        self._silent = {each: self._silent.get(each, 0) + 1 for each in holders}
        for holder, beats in self._silent.items():
            if beats > BEATS:
                self._relieve(holder)

    def _relieve(self, holder: Holder) -> None:
        about = {"collector": holder.collector, "leader": str(holder.process)}
        try:
            if self._store.end_session(holder):
                log.warning("takes the lead from a process that does not answer", **about)
        except StoreError as error:
            remedy = "end that process, or let both use the same role"
            log.warning("cannot take the lead", **about, error=str(error), remedy=remedy)
