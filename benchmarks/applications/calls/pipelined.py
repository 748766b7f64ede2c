"""Many calls in flight, from one asyncio worker: blocks of calls to the core and of echoes by the floor, by turns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

import pairs

pairs.pin_client()

import zmq  # noqa: E402 (its threads inherit where this process runs)

from stockade_frontend import aio  # noqa: E402 (its threads inherit where this process runs)

#: uvloop where it is installed, as the core does.
new_event_loop = import_module("uvloop" if find_spec("uvloop") else "asyncio").new_event_loop
#: As long as the one call of a frame would be.
FRAME = b"\x81\x84dcall\x19\x03\xe8jbench.echo\xa1evalue\x19\x03\xe8"


async def main() -> None:
    order = pairs.ORDER
    async with aio.connect() as core:
        with pairs.floor("dealer") as (address, floor):
            pairs.pin_core()
            context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
            with context.socket(zmq.DEALER) as socket:
                socket.sndhwm = socket.rcvhwm = 0
                socket.connect(address)
                block, flight = order["block"], order["flight"]
                calls = pairs.Side(pairs.CORE, lambda: make_calls(core, block, flight))
                echoes = pairs.Side(floor, lambda: make_echoes(socket, block, flight))
                await pairs.measure((calls, echoes), order["pairs"], order["warm_up"])
            context.term()
        made = core.statistics()
    loop = type(asyncio.get_running_loop()).__module__
    pairs.found(calls=calls.blocks, echoes=echoes.blocks, batch=made.calls / made.batches, loop=loop)


async def make_calls(core: aio.Connection, count: int, flight: int) -> None:
    """So many calls, `flight` of them at a time: as many tasks take numbers from one counter."""
    numbers = iter(range(1000, 1000 + count))

    async def call_on() -> None:
        for number in numbers:
            await core.invoke("bench.echo", value=number)

    await asyncio.gather(*(call_on() for _ in range(flight)))


async def make_echoes(socket: zmq.Socket[bytes], count: int, flight: int) -> None:
    """So many messages of one frame, `flight` of them on their way at a time."""
    send, receive = socket.send, socket.recv
    get: Callable[[int], int] = socket.get  # type: ignore[assignment]  # EVENTS is an integer
    events, readable = int(zmq.EVENTS), int(zmq.POLLIN)
    poller = zmq.Poller()
    poller.register(socket, zmq.POLLIN)
    for _ in range(flight):
        send(FRAME)
    to_send, to_come = count - flight, count
    while to_come:
        poller.poll()
        while get(events) & readable:
            receive()
            to_come -= 1
            if to_send:
                send(FRAME)
                to_send -= 1


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    runner.run(main())
