"""A worker with the asyncio stub and many calls in flight; and in the same process, by turns, its floor.

``python -m benchmarks.players.pipelining FOLDER``.
"""

from __future__ import annotations

import asyncio
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from time import perf_counter_ns

from benchmarks.players import echo
from benchmarks.players.orders import Orders
from stockade_frontend import aio

#: uvloop where it is installed, as the core does.
new_event_loop = import_module("uvloop" if find_spec("uvloop") else "asyncio").new_event_loop


async def main(folder: str) -> None:
    async with aio.connect() as core:
        with echo.floor(f"ipc://{folder}/pyzmq-many", "dealer") as (socket, server):
            echoes = echo.pipeline(socket)
            for order in Orders(
                {"stockade": ["pipeline"], "pyzmq": ["pipeline"]}, [int(os.environ["STOCKADE_CORE_PID"]), server]
            ):
                count, flight = order.numbers
                before, began = core.statistics(), perf_counter_ns()
                if order.side == "stockade":
                    await make_calls(core, count, flight)
                else:
                    echoes(count, flight)
                made = core.statistics()
                order.answer(began, [made.batches - before.batches])


async def make_calls(core: aio.Connection, count: int, flight: int) -> None:
    """So many calls, `flight` of them at a time: as many tasks take numbers from one counter."""
    numbers = iter(range(1000, 1000 + count))

    async def call_on() -> None:
        for number in numbers:
            await core.invoke("bench.echo", value=number)

    await asyncio.gather(*(call_on() for _ in range(flight)))


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    runner.run(main(*sys.argv[1:]))
