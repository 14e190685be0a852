"""Programs that tests start end with the tests, however those end: also when pytest is killed."""

from __future__ import annotations

import shutil
import threading


def ending_with_us(*command: str, by: str = "KILL") -> list[str]:
    """A command whose program the kernel ends by a signal when this process ends, where `setpriv` is there to ask it.

    The program is what was asked for, under the same process id: `setpriv` becomes it. To the kernel it is the thread
    that starts it whose end counts, so what another thread than the main one starts is left alone.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None or threading.current_thread() is not threading.main_thread():
        return list(command)
    return [setpriv, "--pdeathsig", by, "--", *command]
