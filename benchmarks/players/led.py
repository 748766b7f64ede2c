"""A worker of any language as a player: what the conductor orders becomes the next task that the worker asks for.

Such a worker is the `bench` program of a stub: it invokes ``bench.next`` with the ``report`` of its last task, and does
what the answer says. It knows nothing of conductors. Standard library alone; knows no benchmark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.players.orders import Orders

__all__ = ["Led", "pid_of"]

#: The numbers of each order, by the names that its task has for them.
_TASKS = {"stub": ("count",), "floor": ("count",), "pipelined": ("count", "window")}


class Led:
    """One such worker, as the conductor's side of this name: `pid` is the worker, `servers` are what answers it."""

    def __init__(self, side: str, pid: int, servers: Sequence[int]) -> None:
        self._orders = Orders({side: _TASKS}, servers, pid)
        self._left = iter(self._orders)
        self._under_way = False

    def next(self, report: Mapping[str, Any] | None) -> dict[str, Any]:
        """Pass on what the last task took, and wait for the next; `leave` when there are no more."""
        if self._under_way:
            took = (report or {})["ns"]
            each = took if isinstance(took, list) else [took]
            self._orders.took(sum(each), each)
        order = next(self._left, None)
        self._under_way = order is not None
        if order is None:
            return {"do": "leave"}
        return {"do": order.operation, **dict(zip(_TASKS[order.operation], order.numbers, strict=True))}


def pid_of(label: str) -> int:
    """The process that was started as this worker. LookupError if there is none."""
    mark = f"STOCKADE_WORKER={label}".encode()
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in entry.read_bytes().split(b"\0"):
                return int(entry.parent.name)
        except OSError:
            continue  # it has ended, or is somebody else's
    raise LookupError(f"no process is the worker {label!r}")
