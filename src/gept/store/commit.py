"""The rows of a tick and its ledger row, together: whether an answer is believed, and as what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from typing import Any

from psycopg import Cursor

from ..errors import NotYet
from ..model import Collector, Counts, Decoded, Status
from . import dropped, ledger
from .queries import named
from .records import Entry, Known
from .rejects import keep
from .writer import Batch, Writer

LOCK = "SELECT pg_advisory_xact_lock(hashtext('gept commit'), hashtext(%s))"
FORGET_ANSWER = "DELETE FROM answers WHERE collector = %s AND tick = %s"
REPEATING = 10
"""From so many rows on, two buckets with the same data are one bucket, told twice."""
BELIEVED_AFTER_TRIES, BELIEVED_AFTER = 3, timedelta(hours=1)
REMOVES_AFTER = timedelta(days=1)
"""After so long, a source that can be asked again is believed whatever its answer takes away."""


Committed = tuple[Counts, bool] | None
"""What became of the rows of a tick, and whether it was new; None for one that stays as it is."""
Commit = Callable[[Decoded, Entry], Committed]


class Committing:
    """Commits ticks of one collector in the caller's transaction, the older ones first.

    Nobody else commits any of it meanwhile.
    """

    def __init__(self, cursor: Cursor[Any], collector: Collector) -> None:
        self._cursor = cursor
        self._collector = collector
        cursor.execute(LOCK, (collector.name,))

    def commit(self, decoded: Decoded, entry: Entry) -> Committed:
        """Write rows and the ledger's entry; see ``Store.commit``."""
        cursor, collector = self._cursor, self._collector
        known = ledger.known(cursor, collector, entry.tick, entry.now)
        dropped.refuse(collector, entry.tick, known)
        if collector.keeps_first and known.status is Status.DONE:
            return None
        if _repeats(decoded, known) and not _insists(entry, known, BELIEVED_AFTER):
            raise NotYet(
                f"the answer for {entry.tick:%Y-%m-%dT%H:%M:%SZ} repeats the bucket before"
            )
        counts = self._write(decoded, entry, known)
        ledger.record(cursor, entry, counts, committed=entry.now, digest=decoded.digest)
        _doubt_following(cursor, collector, decoded, entry)
        keep(cursor, entry.collector, entry.tick, entry.now, decoded.rejected)
        if known.status in {Status.PARTIAL, Status.REFUSED} and entry.status is Status.DONE:
            cursor.execute(FORGET_ANSWER, (collector.name, entry.tick))
        return counts, known.status is not Status.DONE

    @cached_property
    def _writer(self) -> Writer:
        return Writer(self._cursor, self._collector.table)

    def _write(self, decoded: Decoded, entry: Entry, known: Known) -> Counts:
        collector = self._collector
        batch = _batch(collector, decoded, entry, known)
        newer = (
            known.status is Status.DONE and known.asked is not None and known.asked > entry.asked
        )
        if not (collector.present_only and (known.superseded or newer)):
            return self._writer.write(batch)
        about = {"collector": collector.name, "tick": entry.tick}
        [(following,)] = self._cursor.execute(named("following"), about).fetchall()
        return self._writer.write_late(batch, following)


def _newer(known: Known, entry: Entry) -> bool:
    """Tell whether what is stored of a tick was asked for later than an answer to it."""
    return known.status is Status.DONE and known.asked is not None and known.asked > entry.asked


def _batch(collector: Collector, decoded: Decoded, entry: Entry, known: Known) -> Batch:
    insists = not collector.present_only and _insists(entry, known, REMOVES_AFTER)
    return Batch(
        decoded.rows,
        entry.tick,
        whole=entry.settled and entry.status is Status.DONE,
        frame=known.first_of_day,
        tolerates=1.0 if insists or known.repeats or entry.accept_removals else collector.tolerates,
        remedy=f"if it is true, `{_accepting(collector, entry)}` stores it",
        newest=collector.schedule.newest(entry.now),
    )


def _accepting(collector: Collector, entry: Entry) -> str:
    """Return the command that believes an answer whatever it takes away."""
    at = "" if collector.present_only else f" --at {entry.tick:%Y-%m-%dT%H:%M:%SZ}"
    return f"gept once {collector.name}{at} --accept-removals"


def _repeats(decoded: Decoded, known: Known) -> bool:
    """Tell whether an answer holds what is stored of the tick before."""
    same = decoded.digest is not None and decoded.digest == known.digest_before
    return same and len(decoded.rows) >= REPEATING


def _doubt_following(
    cursor: Cursor[Any], collector: Collector, decoded: Decoded, entry: Entry
) -> None:
    """Let the tick after a tick be read again where it has the same data: it was the repetition."""
    if decoded.digest is None or len(decoded.rows) < REPEATING:
        return
    about = {
        "collector": collector.name,
        "following": collector.schedule.following(entry.tick),
        "digest": decoded.digest,
        "repeating": REPEATING,
        "now": entry.now,
    }
    cursor.execute(named("doubt"), about)


def _insists(entry: Entry, known: Known, length: timedelta) -> bool:
    """Tell whether a source has been asked so often, for so long, that there is no other answer."""
    trying = entry.now - (known.first_asked or entry.now)
    often = known.attempts + 1 >= BELIEVED_AFTER_TRIES and trying >= length
    return often and entry.settled
