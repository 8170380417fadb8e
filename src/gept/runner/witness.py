"""Second sources: what they say of rows that are stored already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from time import monotonic

from ..errors import DecodeError, UpstreamError
from ..model import Collector, Response, Row, Witness
from ..spool.tape import Answers

BUDGET = 5.0


class Witnesses:
    """Asks the witnesses of collectors, as seldom as each wants, and remembers what they said."""

    def __init__(self, upstream: Answers, now: Callable[[], datetime]) -> None:
        self._upstream = upstream
        self._now = now
        self._heard: dict[str, tuple[datetime, Response | None]] = {}

    def doubts(self, collector: Collector, rows: Sequence[Row]) -> str | None:
        """Return what the collector's witness finds doubtful; one that is silent doubts nothing."""
        witness = collector.witness
        if witness is None or not rows:
            return None
        response = self._said(collector.name, witness)
        try:
            return None if response is None else witness.judge(rows, response)
        except DecodeError:
            return None

    def _said(self, name: str, witness: Witness) -> Response | None:
        asked, response = self._heard.get(name, (None, None))
        if asked is None or not timedelta(0) <= self._now() - asked < witness.every:
            response = self._ask(witness)
            self._heard[name] = (self._now(), response)
        return response

    def _ask(self, witness: Witness) -> Response | None:
        """Ask a witness, briefly: the rows are stored, and the next tick is soon due."""
        try:
            return self._upstream.get(witness.request, monotonic() + BUDGET)
        except UpstreamError:
            return None
