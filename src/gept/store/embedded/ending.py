"""How a server is ended: fast, at once, and then not to be refused."""

from __future__ import annotations

import signal
import subprocess
from contextlib import suppress

# Who was started in the background of a script has children that ignore the first two until they
# are told otherwise.
ENDINGS = ((signal.SIGINT, 6.0), (signal.SIGQUIT, 2.0), (signal.SIGKILL, None))


def end(process: subprocess.Popen[bytes]) -> None:
    """End a server: politely, then less so."""
    for asked, seconds in ENDINGS:
        process.send_signal(asked)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return
