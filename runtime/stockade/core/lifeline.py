"""What the core does when the supervisor has gone: leave nothing behind. Knows no message."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import threading
from collections.abc import Callable, Iterable

from stockade.removal import remove_tree

__all__ = ["leave_nothing", "vigil", "withdraw_from_siblings"]

_PR_SET_DUMPABLE = 4


def leave_nothing(pids: Iterable[int], run_directory: str) -> None:
    """Kill the process group of each worker in `pids`, then remove the run directory with all sockets in it."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(OSError):  # the next start sweeps what could not be removed
        remove_tree(run_directory)


def vigil(pipe: int, ended: Callable[[], None]) -> None:
    """Call `ended`, in a daemon thread, when the other end of `pipe` is closed. Reads nothing, and wakes for nothing.

    For as long as the process lives: an import of the application's may take for ever, and so may a command that runs
    on the loop; then nobody reads the pipe.
    """

    def watch() -> None:
        poll = select.poll()
        poll.register(pipe, 0)  # that it is closed is told unasked: POLLHUP
        poll.poll()
        ended()

    threading.Thread(target=watch, name="stockade-vigil", daemon=True).start()


def withdraw_from_siblings() -> None:
    """Keep other processes of this user out of this one's memory and descriptors, see prctl(2), PR_SET_DUMPABLE.

    To be done by the process itself: exec undoes it.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
