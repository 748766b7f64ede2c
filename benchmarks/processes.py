"""What /proc says of a process, and where it runs. Knows no benchmark."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

import attrs

__all__ = ["Spent", "children", "pin", "resident", "spent", "spent_by"]

_SLEEPS = re.compile(r"^voluntary_ctxt_switches:\s*(\d+)", re.MULTILINE)
_RESIDENT = re.compile(r"^VmRSS:\s*(\d+) kB", re.MULTILINE)


@attrs.frozen
class Spent:
    """Of all threads together: seconds on a processor, and how often they went to sleep, so that they woke again."""

    cpu: float
    sleeps: float

    def __sub__(self, before: Spent) -> Spent:
        return Spent(self.cpu - before.cpu, self.sleeps - before.sleeps)


def spent(pid: int) -> Spent:
    """What a process and its threads have spent since they began."""
    nanoseconds = sleeps = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        nanoseconds += int((thread / "schedstat").read_text().split()[0])
        sleeps += int(_SLEEPS.findall((thread / "status").read_text())[0])
    return Spent(nanoseconds / 1e9, sleeps)


def spent_by(pids: Iterable[int]) -> Spent:
    """What these processes have spent, together."""
    each = [spent(pid) for pid in pids]
    return Spent(sum(one.cpu for one in each), sum(one.sleeps for one in each))


def resident(pid: int) -> int:
    """Bytes of memory that a process holds now, those it shares included."""
    return int(_RESIDENT.findall(Path(f"/proc/{pid}/status").read_text())[0]) * 1024


def children(pid: int) -> list[int]:
    """The processes that a process has started and that have not ended."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def pin(pid: int, processor: int) -> None:
    """Keep a process, with all threads that it has and makes, on one processor."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), {processor})
