"""What `benchmarks/languages.py` measures of the asyncio face: a worker that is told what to do, and reports times."""

from __future__ import annotations

import asyncio
from importlib import import_module
from importlib.util import find_spec
from time import perf_counter_ns
from typing import Any

from floor import Floor

from stockade_frontend import aio

Task = dict[str, Any]


async def one_by_one(core: aio.Connection, count: int) -> list[int]:
    """The nanoseconds of each of so many calls."""
    invoke, took = core.invoke, []
    for _ in range(count):
        began = perf_counter_ns()
        await invoke("bench.echo", value=1)
        took.append(perf_counter_ns() - began)
    return took


async def pipelined(core: aio.Connection, count: int, window: int) -> int:
    """The nanoseconds of so many calls: as many tasks as may be in flight take numbers from one counter."""
    numbers = iter(range(count))

    async def call_on() -> None:
        for number in numbers:
            await core.invoke("bench.echo", value=number)

    began = perf_counter_ns()
    await asyncio.gather(*(call_on() for _ in range(window)))
    return perf_counter_ns() - began


async def report(core: aio.Connection, floor: Floor, task: Task) -> dict[str, Any] | None:
    """Do a task; None for one that is not known."""
    match task:
        case {"do": "stub", "count": count}:
            return {"ns": await one_by_one(core, count)}
        case {"do": "floor", "count": count}:
            return {"ns": floor.round_trips(count)}
        case {"do": "pipelined", "count": count, "window": window}:
            return {"ns": await pipelined(core, count, window)}
    return None


async def main() -> None:
    """Ask for tasks, until one says leave."""
    floor = Floor()
    async with aio.connect() as core:
        ask = core.options(timeout=None).invoke
        task = await ask("bench.next")
        while task["do"] != "leave":
            task = await ask("bench.next", report=await report(core, floor, task))


if __name__ == "__main__":
    # uvloop where it is installed, as the core does.
    new_event_loop = import_module("uvloop" if find_spec("uvloop") else "asyncio").new_event_loop
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
