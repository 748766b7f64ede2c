"""What `benchmarks/languages.py` measures of the blocking face: a worker that is told what to do, and reports times."""

from __future__ import annotations

from collections import deque
from time import perf_counter_ns
from typing import Any

from floor import Floor

from stockade_frontend import Connection, PendingCall, connect

Task = dict[str, Any]


def one_by_one(core: Connection, count: int) -> list[int]:
    """The nanoseconds of each of so many calls."""
    invoke, took = core.invoke, []
    for _ in range(count):
        began = perf_counter_ns()
        invoke("bench.echo", value=1)
        took.append(perf_counter_ns() - began)
    return took


def pipelined(core: Connection, count: int, window: int) -> int:
    """The nanoseconds of so many calls, `window` of them in flight."""
    began = perf_counter_ns()
    waiting: deque[PendingCall] = deque()
    for number in range(count):
        if len(waiting) == window:
            waiting.popleft().result()
        waiting.append(core.call("bench.echo", value=number))
    for call in waiting:
        call.result()
    return perf_counter_ns() - began


def report(core: Connection, floor: Floor, task: Task) -> dict[str, Any] | None:
    """Do a task; None for one that is not known."""
    match task:
        case {"do": "stub", "count": count}:
            return {"ns": one_by_one(core, count)}
        case {"do": "floor", "count": count}:
            return {"ns": floor.round_trips(count)}
        case {"do": "pipelined", "count": count, "window": window}:
            return {"ns": pipelined(core, count, window)}
    return None


def main() -> None:
    """Ask for tasks, until one says leave."""
    floor = Floor()
    with connect() as core:
        ask = core.options(timeout=None).invoke
        task = ask("bench.next")
        while task["do"] != "leave":
            task = ask("bench.next", report=report(core, floor, task))


if __name__ == "__main__":
    main()
