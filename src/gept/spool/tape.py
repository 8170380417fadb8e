"""The raw answers of one run of a tick, from which the run can be played again without a network.

What could not be stored is kept as a tape: on disk while the database is away, in the database
where an answer was refused. Playing goes the same way as asking, so it gives the same rows.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from typing import Protocol

import msgspec

from ..errors import TapeError, UpstreamRefused
from ..model import Request, Response

MAGIC = b"gept tape 1\n"
CHECK = 16
LARGEST = 512 * 2**20


class Answers(Protocol):
    """Who answers requests: the services, or a tape."""

    def get(self, request: Request, deadline: float) -> Response:
        """Return the answer to a request, or raise an UpstreamError."""
        ...


class Answer(msgspec.Struct, frozen=True):
    """What one request was answered, and when (UTC)."""

    request: str
    at: datetime
    body: bytes


class Tape(msgspec.Struct, frozen=True):
    """What a run of a tick was answered; ``newest`` is what it continued from."""

    collector: str
    tick: datetime
    asked: datetime
    newest: datetime | None
    answers: tuple[Answer, ...]


def pack(tape: Tape) -> bytes:
    """Return a tape as bytes: a mark, a checksum, and the rest compressed."""
    packed = zlib.compress(msgspec.msgpack.encode(tape))
    return MAGIC + _checksum(packed) + packed


def unpack(data: bytes) -> Tape:
    """Return the tape that bytes hold. Raises TapeError where they are torn or no tape at all."""
    mark, check, packed = data[: len(MAGIC)], data[len(MAGIC) :][:CHECK], data[len(MAGIC) + CHECK :]
    if mark != MAGIC:
        raise TapeError("it is no tape of gept's")
    if check != _checksum(packed):
        raise TapeError("it is torn: its checksum does not fit")
    try:
        inflated = zlib.decompressobj().decompress(packed, LARGEST)
        return msgspec.msgpack.decode(inflated, type=Tape)
    except (zlib.error, msgspec.MsgspecError) as error:
        raise TapeError(f"it cannot be read: {error}") from error


def _checksum(packed: bytes) -> bytes:
    return blake2b(packed, digest_size=CHECK).digest()


class Recorder:
    """Asks, and notes what was answered."""

    def __init__(self, source: Answers) -> None:
        self._source = source
        self.answers: list[Answer] = []

    def get(self, request: Request, deadline: float) -> Response:
        """Return the answer to a request, or raise the error that it ended with."""
        response = self._source.get(request, deadline)
        self.answers.append(Answer(str(request), response.at, response.body))
        return response


class Player:
    """Answers as it was answered; what is not on the tape is refused."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        self.answers = list(answers)
        self._of = {each.request: each for each in self.answers}

    def get(self, request: Request, deadline: float) -> Response:
        """Return the noted answer. Raises UpstreamRefused where there is none."""
        found = self._of.get(str(request))
        if found is None:
            raise UpstreamRefused(f"{request}: no answer to it is on the tape")
        return Response(request, found.body, found.at)
