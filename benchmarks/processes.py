"""What /proc says of a process. Knows no benchmark."""

from __future__ import annotations

import re
from pathlib import Path

import attrs

__all__ = ["Spent", "resident", "spent"]

_SLEEPS = re.compile(r"^voluntary_ctxt_switches:\s*(\d+)", re.MULTILINE)
_RESIDENT = re.compile(r"^VmRSS:\s*(\d+) kB", re.MULTILINE)


@attrs.frozen
class Spent:
    """Of all threads together: seconds on a processor, and how often they went to sleep, so that they woke again."""

    cpu: float
    sleeps: float


def spent(pid: int) -> Spent:
    """What a process and its threads have spent since they began."""
    nanoseconds = sleeps = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        nanoseconds += int((thread / "schedstat").read_text().split()[0])
        sleeps += int(_SLEEPS.findall((thread / "status").read_text())[0])
    return Spent(nanoseconds / 1e9, sleeps)


def resident(pid: int) -> int:
    """Bytes of memory that a process holds now, those it shares included."""
    return int(_RESIDENT.findall(Path(f"/proc/{pid}/status").read_text())[0]) * 1024
