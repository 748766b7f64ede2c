"""Which processes there are below this one, orphans included: what must not be left."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import NamedTuple, TypeVar

__all__ = ["PATIENCE", "Process", "adopt_orphans", "children", "descendants", "end", "reap_orphans", "until"]

#: Seconds: generous, since the machine may be busy. Conditions are polled, and no test waits for longer than it must.
PATIENCE = 20.0
_T = TypeVar("_T")
_PR_SET_CHILD_SUBREAPER = 36


class Process(NamedTuple):
    """One line of the process table."""

    pid: int
    parent: int
    state: str  # "S", "R", "T" (stopped), "Z" (ended, not reaped) ...
    command: str


def adopt_orphans() -> None:
    """Whatever loses its parent below this process becomes its child: nothing gets out of sight."""
    if ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError("this system has no subreapers")


def _processes() -> list[Process]:
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            stat = Path(f"/proc/{name}/stat").read_text()
            command = Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            state, parent, *_ = stat.rpartition(")")[2].split()
            found.append(Process(int(name), int(parent), state, command.strip()))
    return found


def descendants(of: int | None = None) -> list[Process]:
    """All that descend from `of` (this process, if it is not given) and have not ended."""
    table = _processes()
    below = {os.getpid() if of is None else of}
    grown = True
    while grown:
        more = {each.pid for each in table if each.parent in below} - below
        grown, below = bool(more), below | more
    return [each for each in table if each.pid in below - {of, os.getpid()} and each.state != "Z"]


def children(of: int) -> list[Process]:
    """The children of `of` that have not ended."""
    return [each for each in _processes() if each.parent == of and each.state != "Z"]


def reap_orphans(own: Collection[int]) -> None:
    """Take the ends of orphans, as init does where nobody adopts them; `own` are children that somebody waits for."""
    for each in _processes():
        if each.state == "Z" and each.parent == os.getpid() and each.pid not in own:
            os.waitpid(each.pid, 0)


def end(processes: Iterable[Process]) -> None:
    """Kill them."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


def until(found: Callable[[], _T], what: str | Callable[[], str], patience: float = PATIENCE) -> _T:
    """What `found` returns once that is true; fails with `what` was waited for."""
    deadline = time.monotonic() + patience
    while not (value := found()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience:g} s for this: {what if isinstance(what, str) else what()}")
        time.sleep(0.005)
    return value
