"""The machine that measures, described without naming it. Knows no benchmark."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import stockade

#: What is measured, and what it is compared with.
VERSIONS = ("pyzmq", "cbor2", "uvloop", "rpyc", "Pyro5", "zerorpc", "grpcio")

__all__ = ["describe", "load", "two_processors"]


def describe() -> dict[str, Any]:
    """Processor, kernel and the versions that matter."""
    return {
        "processor": _processor(),
        "processors": len(os.sched_getaffinity(0)),
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "stockade": stockade.__version__,
        **{name: _version(name) for name in VERSIONS},
    }


def load() -> list[float]:
    """How many processes have wanted a processor, over one, five and fifteen minutes."""
    return [round(each, 2) for each in os.getloadavg()]


def two_processors() -> tuple[int, int] | None:
    """One processor for the client and one for the servers; None where there is only one for all."""
    free = sorted(os.sched_getaffinity(0))
    return (free[0], free[1]) if len(free) > 1 else None


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"
