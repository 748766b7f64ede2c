"""What a worker's process gives up between fork and exec. Knows no worker's life and no pipe.

Runs in the forked child of a process with one thread, so that Python may run here. Libraries that a stricter sandbox
needs are to be imported inside these functions: only the child then has them.
"""

from __future__ import annotations

import os
import signal

from stockade.supervisor.machine import PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, prctl

__all__ = ["confine", "die_with"]


def die_with(parent: int) -> None:
    """Have the kernel kill this process when `parent` ends; it survives exec. Ends at once if that is too late.

    Only for workers: the core must outlive the supervisor by the moment it needs to clean up.
    """
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the line above: nobody would ever be told
        os._exit(1)


def confine() -> None:
    """No program started from here gains rights by a set-user-id bit."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
