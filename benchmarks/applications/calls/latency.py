"""One call at a time, by the blocking stub: blocks of calls to the core and of round trips to the floor, by turns."""

from __future__ import annotations

import asyncio

import pairs

pairs.pin_client()

import zmq  # noqa: E402 (its threads inherit where this process runs)

from stockade_frontend import Connection, connect  # noqa: E402 (its threads inherit where this process runs)

#: As long as the frame of one call.
FRAME = b"\x81\x84dcall\x19\x03\xe8jbench.echo\xa1evalue\x19\x03\xe8"


def main() -> None:
    order = pairs.ORDER
    with connect(spin=order["spin"]) as core, pairs.floor("router") as (address, floor):
        pairs.pin_core()
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        with context.socket(zmq.DEALER) as socket:
            socket.connect(address)
            block = order["block"]
            calls = pairs.Side(pairs.CORE, lambda: make_calls(core, block))
            trips = pairs.Side(floor, lambda: make_trips(socket, block))
            asyncio.run(pairs.measure((calls, trips), order["pairs"], order["warm_up"]))
        context.term()
        pairs.found(calls=calls.blocks, trips=trips.blocks)


async def make_calls(core: Connection, count: int) -> None:
    """Make so many calls."""
    invoke = core.invoke
    for number in range(1000, 1000 + count):
        invoke("bench.echo", value=number)


async def make_trips(socket: zmq.Socket[bytes], count: int) -> None:
    """Make so many round trips."""
    send, receive = socket.send, socket.recv
    for _ in range(count):
        send(FRAME)
        receive()


main()
