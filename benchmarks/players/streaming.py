"""A worker that receives streams and sends them; and in the same process, by turns, its floor.

``python -m benchmarks.players.streaming FOLDER``.
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
        with echo.floor(f"ipc://{folder}/pyzmq-items", "items") as (socket, server):
            floor = echo.stream(socket)
            ours = {"stockade": receive, "stockade-up": send}
            sides = {side: ["stream"] for side in (*ours, "pyzmq")} | {"stockade": ["stream", "pieces"]}
            for order in Orders(sides, [int(os.environ["STOCKADE_CORE_PID"]), server]):
                began = perf_counter_ns()
                if order.operation == "pieces":
                    await pieces(core, *order.numbers)
                elif order.side in ours:
                    await ours[order.side](core, *order.numbers)
                else:
                    floor(*order.numbers)
                order.answer(began, None)


async def receive(core: aio.Connection, count: int, credit: int) -> None:
    """A stream of so many items from the core, which may be so many ahead."""
    came = 0
    async for _ in core.stream("bench.items", credit=credit, count=count):
        came += 1
    if came != count:
        raise ValueError(f"{came} items came, not {count}")


async def send(core: aio.Connection, count: int, _: int) -> None:
    """A stream of so many items to the core, which says itself how many may be ahead."""
    channel = core.send_channel()
    collected = asyncio.ensure_future(core.invoke("bench.collect", items=channel))
    await asyncio.sleep(0)  # the call is made, so the channel has a receiver
    for number in range(count):
        await channel.send({"id": number, "name": "item"})
    await channel.end()
    if await collected != count:
        raise ValueError(f"the core has not received {count} items")


async def pieces(core: aio.Connection, count: int, size: int) -> None:
    """A stream of large items."""
    async for _ in core.options(view=True).stream("bench.pieces", credit=4, count=count, size=size):
        pass


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    runner.run(main(*sys.argv[1:]))
