"""How many people play, each minute, as the home page of the game tells it.

Another page tells how many play this game and RuneScape together: of most of them it is this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from ..decode import html
from ..errors import DecodeError
from ..model import Collector, Decoded, Request, Response, Row, Table, Tick, Witness
from ..schedule import Every
from ..sources import PLAYERS, TOTAL

NUMBER = "0|[1-9][0-9]{0,2}(?:,[0-9]{3})*|[1-9][0-9]*"
SENTENCE = re.compile(rf"There (?:is|are) currently ({NUMBER}) (?:people|person) playing")
TOTAL_CALL = re.compile(rb"\(\s*([0-9]{1,12})\s*\)")
MOST = 5_000_000
LEAST_SHARE = 10


class PlayerCount(NamedTuple):
    """The number of players in a minute, and when the page was read."""

    timestamp: datetime
    count: int  # type: ignore[assignment] # the column is named so, as is a method of tuples
    fetched_at: datetime


def requests(tick: Tick) -> Iterator[Request]:
    """Ask for the home page."""
    yield Request(PLAYERS)


def decode(response: Response, tick: Tick) -> Decoded:
    """Return the one row. A page without the sentence is maintenance or a challenge: no reading."""
    found = SENTENCE.search(html.text(response.body))
    if not found:
        raise DecodeError(f"{response.request} does not tell how many people play")
    count = int(found[1].replace(",", "")[:20])
    if count > MOST:
        raise DecodeError(f"{response.request} tells of {found[1][:40]} players, which cannot be")
    return Decoded([(tick.at, count, response.at)])


def doubts(rows: Sequence[Row], response: Response) -> str | None:
    """Return what is doubtful about a count, given how many play both games.

    More than both have is false; so is less than a tenth, as of a number cut at its comma. Nobody
    at all is maintenance.
    """
    found = TOTAL_CALL.search(response.body)
    total = int(found[1]) if found else 0
    if total == 0:
        raise DecodeError(f"{response.request} does not tell how many people play")
    count: int = rows[0][1]
    if count > total:
        return f"{count} players, where both games together have {total}"
    if 0 < count * LEAST_SHARE < total:
        return f"{count} players, where both games together have as many as {total}"
    return None


COLLECTOR = Collector(
    name="players",
    about="player count",
    source=PLAYERS,
    schedule=Every(timedelta(minutes=1)),
    table=Table("player_counts", PlayerCount, ("timestamp",)),
    port=9104,
    requests=requests,
    decode=decode,
    worth=3,
    expect=range(1, 2),
    witness=Witness(Request(TOTAL), doubts, timedelta(minutes=10)),
)
