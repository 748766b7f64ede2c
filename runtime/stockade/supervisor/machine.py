"""What the supervisor asks of this machine, and of its own process, before it starts anything.

Knows no worker and no loop.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import resource
import signal
import sys

from stockade.errors import StartError

__all__ = [
    "PR_SET_NO_NEW_PRIVS",
    "PR_SET_PDEATHSIG",
    "become_subreaper",
    "check_platform",
    "hide_memory",
    "is_ignored",
    "open_standard_descriptors",
    "prctl",
    "raise_descriptor_limit",
]

#: From linux/prctl.h.
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
#: pidfd_open came with 5.3 and close_range with 5.9; 5.10 is the oldest release that is still maintained.
_OLDEST = (5, 10)
#: Descriptors of the supervisor itself, and those of one worker: three pipes and its pidfd, and as many while its
#: former generation is not yet reaped.
_OWN_DESCRIPTORS, _WORKER_DESCRIPTORS = 64, 8

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> None:
    """prctl(2) with one argument; raises OSError."""
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl {option}: {os.strerror(number)}")


def check_platform() -> None:
    """Raises StartError where the supervisor cannot run."""
    found = re.match(r"(\d+)\.(\d+)", platform.release())
    recent = found is not None and (int(found[1]), int(found[2])) >= _OLDEST
    if sys.platform != "linux" or not recent or not hasattr(os, "pidfd_open"):
        wanted = f"Linux {_OLDEST[0]}.{_OLDEST[1]} or later"
        raise StartError(f"stockade run needs {wanted}; this is {platform.system()} {platform.release()}")


def become_subreaper() -> None:
    """Whatever loses its parent below us becomes our child: no daemon of a worker gets out of sight."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def hide_memory() -> None:
    """Processes of the same user can no longer read our memory, where secrets are, or our descriptors."""
    prctl(PR_SET_DUMPABLE, 0)


def raise_descriptor_limit(workers: int) -> tuple[int, int]:
    """Make room for the pipes of so many workers; the limits as they were, which each child gets back.

    Raises StartError when the hard limit is too low.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OWN_DESCRIPTORS + _WORKER_DESCRIPTORS * workers
    if soft != resource.RLIM_INFINITY and soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise StartError(f"{workers} workers need {wanted} open files, the limit is {hard}: raise it (ulimit -Hn)")
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return soft, hard


def open_standard_descriptors() -> None:
    """Put /dev/null where standard input, output or error is closed: else a pipe of ours would get that number."""
    while True:
        descriptor = os.open(os.devnull, os.O_RDWR)
        if descriptor > 2:
            os.close(descriptor)
            return
        os.set_inheritable(descriptor, True)


def is_ignored(number: int) -> bool:
    """Whether whoever started us had this signal ignored (nohup, a script's background job): then so do we."""
    return signal.getsignal(number) is signal.SIG_IGN
