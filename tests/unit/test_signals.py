"""Signals that ask gept to end: they may come at any moment, and many at once."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os, signal, threading
from gept.app import stop_on_signals

stop = threading.Event()
stop_on_signals(stop)
print("ready", flush=True)
with stop._cond:  # as the main thread holds it whenever it waits or looks
    for number in (signal.SIGTERM, signal.SIGINT) * 3:
        os.kill(os.getpid(), number)
stop.wait()
print("stopped", flush=True)
"""


def test_signals_that_come_while_the_flag_is_held_end_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30, check=True
    )

    assert done.stdout.split() == ["ready", "stopped"]
