"""Descriptors and sockets enough for the configured workers, or a refusal to start. Knows nothing else."""

from __future__ import annotations

import resource

from stockade.errors import StartError

__all__ = ["make_room"]

#: Three sockets and three monitors, each two ends and a mailbox, and a pidfd.
_DESCRIPTORS_PER_WORKER = 16
_SOCKETS_PER_WORKER = 9
#: For the application's own files, the loop, the logs.
_DESCRIPTORS = 256
_SOCKETS = 64


def make_room(workers: int) -> int:
    """Raise this process's limit of descriptors to fit; returns how many sockets the ZeroMQ context needs.

    Two generations of each worker fit, since a new one may start while the old one's link is drained. Raises
    StartError when the machine's hard limit is lower.
    """
    descriptors = _DESCRIPTORS + 2 * workers * _DESCRIPTORS_PER_WORKER
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard not in (resource.RLIM_INFINITY, -1) and hard < descriptors:
        raise StartError(
            f"{workers} workers need {descriptors} open files and the hard limit is {hard}; "
            f"raise it (ulimit -Hn {descriptors}, or LimitNOFILE= in a systemd unit)"
        )
    if soft < descriptors:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, hard))
    return _SOCKETS + 2 * workers * _SOCKETS_PER_WORKER
