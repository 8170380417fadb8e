"""The way to the database breaks at every message of a tick, in every way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from psycopg import sql

from gept.errors import StoreAway
from gept.events import Finished
from gept.model import Status
from gept.store import Database
from gept.store import database as module
from proof.machine import Machine, stories
from proof.proxy import Fault, Proxy
from proof.tables import differences

STORIES = ("5m settled", "latest", "news")
FEWEST = 13
LASTING = {Fault.DELAY, Fault.SILENCE}
"""After these the server still holds what the lost client had locked."""
SHORT = sql.SQL("; SET lock_timeout = '100ms'")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the time limits short ones."""
    monkeypatch.setattr(module.Impatient, "patience", 0.3)
    monkeypatch.setattr(module, "SESSION", module.SESSION + SHORT)


Begin = Callable[..., tuple[Machine, Proxy]]


@pytest.fixture
def begin(address: str, tmp_path: Path, impatient: None) -> Iterator[Begin]:
    """Give a function that lets gept tell a story by way of a proxy."""
    opened: list[tuple[Machine, Proxy]] = []

    def begin(story: str, *, every: bool = False) -> tuple[Machine, Proxy]:
        proxy = Proxy(tmp_path, address, every=every)
        gept = Machine(stories()[story])
        gept.open(proxy.address)
        opened.append((gept, proxy))
        return gept, proxy

    yield begin
    for gept, proxy in opened:
        gept.close()
        proxy.close()


def judge(finished: Finished) -> None:
    """See that a tick was done, or left open because the database was away, and without delay."""
    assert finished.status in {Status.DONE, Status.AWAY}, finished
    assert finished.status is Status.DONE or isinstance(finished.error, StoreAway), finished.error
    assert finished.seconds < 10


def break_at(gept: Machine, proxy: Proxy, fault: Fault, number: int) -> bool:
    """Read a tick while something goes wrong, and finish it; tell whether anything went wrong."""
    settled = gept.story.settled
    if settled:
        gept.finish(number, settled=False)
    gept.turn(number, settled=settled)
    proxy.arm(fault, number)
    finished = gept.read(number)
    judge(finished)
    if fault in LASTING and finished.status is Status.AWAY:
        judge(gept.read(number))
    broken = proxy.disarm()
    gept.finish(number, settled=settled)
    return broken


def break_everywhere(gept: Machine, proxy: Proxy, fault: Fault) -> int:
    """Go on until a tick has no message any more that could break; return how many ticks."""
    number = 1
    while break_at(gept, proxy, fault, number):
        number += 1
    return number


def compare(gept: Machine, ticks: int, address: str, unharmed: str) -> None:
    """See that the tables are those of the same ticks without any fault."""
    other = Machine(gept.story)
    other.open(unharmed)
    other.tell(ticks)
    other.close()

    assert differences(address, unharmed) == {}


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name)
@pytest.mark.parametrize("story", STORIES)
def test_wherever_the_connection_breaks_nothing_is_lost_or_doubled(
    story: str, fault: Fault, begin: Begin, address: str, unharmed: str
) -> None:
    gept, proxy = begin(story)
    ticks = break_everywhere(gept, proxy, fault)

    assert ticks > FEWEST
    compare(gept, ticks, address, unharmed)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name)
@pytest.mark.parametrize("story", stories())
def test_at_whatever_message_the_connection_breaks_nothing_is_lost_or_doubled(
    story: str, fault: Fault, begin: Begin, address: str, unharmed: str
) -> None:
    gept, proxy = begin(story, every=True)
    ticks = break_everywhere(gept, proxy, fault)

    assert ticks > 2 * FEWEST
    compare(gept, ticks, address, unharmed)


def test_what_ends_with_a_closed_connection_is_not_taken_for_committed(
    database: Database,
) -> None:
    def lose_connection() -> None:
        with database.transaction() as cursor:
            cursor.execute("CREATE TABLE lost ()")
            cursor.connection.close()

    with pytest.raises(StoreAway):
        lose_connection()
