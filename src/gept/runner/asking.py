"""What the requests of a tick bring: asked, decoded, put together, and judged as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import monotonic

from ..errors import DecodeError, GeptError, UpstreamError
from ..model import Collector, Decoded, Request, Tick
from ..spool.tape import Answers
from ..upstream import BUDGET

MOST_PAGES = 200


@dataclass(slots=True)
class Answer:
    """What the requests of one tick brought: rows, what was none, and the first failure."""

    decoded: Decoded = field(default_factory=Decoded)
    failure: GeptError | None = None

    @property
    def trouble(self) -> GeptError | None:
        """What of the answer is missing, if anything."""
        if self.failure is None and self.decoded.rejected:
            return DecodeError(spoilt(self.decoded))
        return self.failure


def ask(collector: Collector, source: Answers, tick: Tick) -> Answer:
    """Make the requests of a tick; where one of several fails, the others still count.

    Raises UpstreamError or DecodeError where nothing is left of it.
    """
    answer = Answer()
    requests = list(collector.requests(tick))
    started = monotonic()
    for number, request in enumerate(requests, 1):
        deadline = started + BUDGET * number / len(requests)
        try:
            part = _read_or_instead(collector, source, request, tick, deadline)
        except (UpstreamError, DecodeError) as error:
            if len(requests) == 1:
                raise
            answer.failure = answer.failure or error
            part = learnt(error)
        answer.decoded = joined(answer.decoded, part)
    if answer.failure and not answer.decoded.rows:
        raise answer.failure
    return answer


def _read_or_instead(
    collector: Collector, source: Answers, request: Request, tick: Tick, deadline: float
) -> Decoded:
    """Read an answer; where it fails for good, what the collector would ask instead."""
    try:
        return _read(collector, source, request, tick, deadline)
    except (UpstreamError, DecodeError) as error:
        if (other := collector.instead(request)) is None:
            raise
        return joined(learnt(error), _read(collector, source, other, tick, deadline))


def _read(
    collector: Collector, source: Answers, request: Request, tick: Tick, deadline: float
) -> Decoded:
    """Read an answer and the pages that continue it: all of them, or none."""
    read = Decoded()
    page = request
    for _ in range(MOST_PAGES):
        decoded = collector.decode(source.get(page, deadline), tick)
        read = joined(read, decoded)
        if decoded.more is None:
            return read
        page = decoded.more
    raise DecodeError(f"{request} goes on for more than {MOST_PAGES} pages")


def learnt(error: GeptError) -> Decoded:
    """Return what an answer that cannot be used tells all the same: how its shape has changed."""
    known = error.drift if isinstance(error, DecodeError) else None
    return Decoded(drift=[*(known or ())])


def joined(read: Decoded, part: Decoded) -> Decoded:
    """Return what was read, with one more part of it."""
    read.rows.extend(part.rows)
    read.rejected.extend(part.rejected)
    read.drift.extend(each for each in part.drift if each not in read.drift)
    return replace(read, digest=part.digest)


def refuse_spoilt(decoded: Decoded, collector: Collector) -> None:
    """Raise DecodeError where more of an answer is rejected than its collector tolerates."""
    entries = len(decoded.rows) + len(decoded.rejected)
    if len(decoded.rejected) > collector.tolerates * entries:
        raise DecodeError(spoilt(decoded), rejected=decoded.rejected, drift=decoded.drift)


def spoilt(decoded: Decoded) -> str:
    """Return how much of an answer is rejected, and why the first of it was."""
    bad, first = len(decoded.rejected), decoded.rejected[0]
    entries = len(decoded.rows) + bad
    return f"{bad} of {entries} entries are no rows; {first.where}: {first.reason}"


def unexpected(rows: int, collector: Collector) -> str | None:
    """Return a warning where a tick has fewer or more rows than it should; they are kept."""
    expect = collector.expect
    if rows in expect:
        return None
    return f"{rows} rows, where {expect.start} to {expect.stop - 1} are expected"
