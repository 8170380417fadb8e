"""How SIGTERM and Ctrl-C reach the threads: by a pipe that a thread of its own reads.

A handler in Python runs in the midst of whatever the main thread does. Were it to set the flag, and
the main thread just then held the flag's lock, the two would wait for each other for ever.
"""

from __future__ import annotations

import os
import signal
from threading import Event as Flag
from threading import Thread


def stop_on_signals(stop: Flag) -> None:
    """Let SIGTERM and Ctrl-C set a flag, however often and whenever they come."""
    told, teller = os.pipe()
    os.set_blocking(teller, False)
    signal.set_wakeup_fd(teller, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    Thread(target=_set_when_told, args=(told, stop), name="signals", daemon=True).start()


def _set_when_told(told: int, stop: Flag) -> None:
    while os.read(told, 1):
        stop.set()
