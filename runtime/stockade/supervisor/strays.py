"""Processes that have left their worker's group and have become our children. Knows no worker's life.

A worker's program may start daemons: a session of their own, their parent gone. The subreaper gets them, and here they
are found, and killed when the worker that they belong to is gone. What hides whose it is lives until the system ends.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable

__all__ = ["adopted", "kill_strays", "owner"]


def adopted(known: Iterable[int]) -> list[int]:
    """The pids of our children that are not `known`, zombies included."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as file:
            found = {int(pid) for pid in file.read().split()}
    except FileNotFoundError:  # a kernel built without CONFIG_PROC_CHILDREN: strays live until they end themselves
        return []
    return sorted(found.difference(known))


def owner(pid: int) -> tuple[str, int] | None:
    """The label and generation that the process has in its environment; None when it hides it, or has gone."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            words = dict(word.partition(b"=")[::2] for word in file.read().split(b"\0"))
        return words[b"STOCKADE_WORKER"].decode(), int(words[b"STOCKADE_GENERATION"])
    except (OSError, KeyError, ValueError):
        return None


def kill_strays(known: Iterable[int], is_to_die: Callable[[tuple[str, int] | None], bool]) -> list[int]:
    """Kill each adopted process whose owner is to die; the pids. They are to be reaped as they end.

    A pid cannot be somebody else's by now: it is our child, and only we reap it.
    """
    killed = [pid for pid in adopted(known) if is_to_die(owner(pid))]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    return killed
