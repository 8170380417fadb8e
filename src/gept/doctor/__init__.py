"""The examination of an installation: what is well, what is not, and what to do.

It changes nothing, and starts nothing. Each check is a function of what is examined that yields
its findings; a new one is written and put into ``CHECKS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..errors import StoreError
from . import credentials, data, machine, others, running, server
from .finding import Finding, Level, failure
from .subject import Subject

__all__ = ["CHECKS", "Finding", "Level", "Subject", "examine"]

Check = Callable[[Subject], Iterator[Finding]]

CHECKS: tuple[Check, ...] = (
    *(credentials.environment, credentials.credentials, machine.files),
    *(server.database, server.version, server.durability, server.connections, server.limits),
    *(server.memory, server.role, server.encryption, server.clock),
    *(data.migrations, data.compression, data.retention, data.partitions),
    *(data.processes, data.gaps),
    *(running.health, running.dashboard, running.certificate, running.scraping, others.alerts),
    *(others.backup, running.firewall, running.logs, running.service),
    *(machine.disk, machine.spool, machine.descriptors, others.sources),
)
"""Every check, in the order in which its findings are told."""


def examine(subject: Subject) -> Iterator[Finding]:
    """Yield what every check finds."""
    for check in CHECKS:
        try:
            yield from check(subject)
        except StoreError as error:
            yield failure(check.__name__, str(error), "mend that, and examine again")
