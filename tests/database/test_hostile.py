"""Whatever is answered, through a whole tick: the ledger says how it ended, the table has its rows."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from answers import ANSWERS, BY_NAME, HOUR, READ, Answer
from conftest import Machine
from hostile import bodies, hammer

from gept.cli import repair
from gept.collectors import hourly
from gept.errors import GeptError
from gept.jobs.mend import Mended, Mender
from gept.model import Request, Response, Row, Status
from gept.upstream import Upstream

ONE_TICK = [each for each in ANSWERS if each.name not in {"series", "feed"}]
EMPTY = b'{"query":{"recentchanges":[]}}'
EXAMPLES = 150
Query = Callable[..., list[Any]]


@pytest.fixture
def answered(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Give the place where a test puts what its source answers; others have nothing to say."""
    bodies: dict[str, bytes] = {}

    def get(self: Upstream, request: Request, deadline: float) -> Response:
        new = request.source.name in bodies and "rccontinue" not in request.params
        return Response(request, bodies[request.source.name] if new else EMPTY, machine.clock())

    monkeypatch.setattr(Upstream, "get", get)
    return bodies


def forget(query: Query, answer: Answer) -> None:
    """Empty the tables of a collector, and the ledger."""
    table = answer.collector.table
    query(f"TRUNCATE ledger, {', '.join(filter(None, (table.name, table.journal)))}")


def stored(query: Query, answer: Answer) -> list[Row]:
    """Return what the table of a collector holds."""
    table = answer.collector.table
    return query(f"SELECT {', '.join(table.columns)} FROM {table.name}")


def told(answer: Answer, body: bytes) -> list[Row]:
    """Return the rows that a body gives, read by itself."""
    try:
        return answer.read(body).rows
    except GeptError:
        return []


@pytest.mark.parametrize("answer", ONE_TICK, ids=lambda each: each.name)
def test_a_tick_stores_just_the_rows_of_its_answer(
    answer: Answer, machine: Machine, answered: dict[str, bytes], query: Query
) -> None:
    machine.clock.at = READ

    def check(body: bytes) -> None:
        forget(query, answer)
        answered[answer.request.source.name] = body

        finished = machine.run(answer.collector, HOUR)

        assert finished.status not in {Status.AWAY, Status.FAILED}, finished.error
        assert query("SELECT status FROM ledger") == [(finished.status.value,)]
        kept = finished.status in {Status.DONE, Status.PARTIAL}
        rows = told(answer, body) if kept else []
        assert sorted(stored(query, answer), key=repr) == sorted(map(tuple, rows), key=repr)

    assert hammer(bodies(answer), check, EXAMPLES) >= EXAMPLES


def test_the_history_of_an_item_is_stored_just_as_it_is_told(
    machine: Machine, query: Query
) -> None:
    answer = BY_NAME["series"]

    def check(body: bytes) -> None:
        query("TRUNCATE prices_1h")
        try:
            decoded = answer.read(body)
        except GeptError:
            return

        machine.store.put(answer.collector, decoded, READ)

        assert sorted(stored(query, answer)) == sorted(map(tuple, decoded.rows))

    assert hammer(bodies(answer), check, EXAMPLES) >= EXAMPLES


GOOD = b'{"timestamp":1795348800,%s}'
BAD = b'{"timestamp":1795348801,%s}'
SIDES = b'"avgHighPrice":1,"highPriceVolume":1,"avgLowPrice":null,"lowPriceVolume":0'


@pytest.mark.parametrize(
    ("hours", "rows", "spoilt", "became"),
    [
        ([GOOD], 1, None, "mended"),
        ([GOOD, BAD], 1, "1 of 2 entries are no rows; data[1]: ", "mended"),
        ([BAD], 0, "1 of 1 entries are no rows; data[0]: ", "failed"),
        ([], 0, None, "have no trades"),
    ],
)
def test_hours_of_an_item_that_cannot_be_are_told(
    machine: Machine,
    answered: dict[str, bytes],
    capsys: pytest.CaptureFixture[str],
    hours: list[bytes],
    rows: int,
    spoilt: str | None,
    became: str,
) -> None:
    answered["prices"] = b'{"data":[%s],"itemId":2}' % b",".join(each % SIDES for each in hours)
    upstream = machine.runner._upstream
    assert isinstance(upstream, Upstream)
    mender = Mender(upstream, machine.store, machine.clock, Event())
    series = hourly.COLLECTOR.series
    assert series is not None
    machine.clock.at = READ

    [(item, outcome)] = mender.mend(hourly.COLLECTOR, series, [2])

    assert isinstance(outcome, Mended)
    assert outcome.counts.rows == rows
    assert repair._tell(item, outcome) == became
    assert (spoilt or "unchanged\n") in capsys.readouterr().err


def test_what_the_ledger_cannot_hold_is_left_out_of_what_it_tells(
    machine: Machine, answered: dict[str, bytes], query: Query
) -> None:
    answered["prices"] = b'{"data":{"\\u0000":null}}'

    assert machine.run(BY_NAME["latest"].collector).status is Status.REFUSED
    assert [
        error.count("entries are no rows") for (error,) in query("SELECT error FROM ledger")
    ] == [1]
