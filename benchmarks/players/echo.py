"""The floor: bare pyzmq in a process of its own, with no exception, no copy and no check in its way.

``python -m benchmarks.players.echo ADDRESS KIND [SPIN]``, or `floor` from a program that plays. The kinds:

router  a ROUTER that blocks in recv and answers each message with itself: for one at a time. With SPIN, seconds, it
        looks for the next message so long before it blocks, as a core does that has been told to
dealer  a DEALER that polls and then empties its socket, answering each message with itself: for many
items   a DEALER that is asked for a number of items and a credit, and sends one frame each, as far as there is credit
bulk    a DEALER that answers eight bytes with as many bytes as they say, and any other message with its length
"""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import zmq

from benchmarks.players.orders import one_by_one

__all__ = ["FLIGHT", "FRAME", "bulk", "call", "floor", "pipeline", "stream"]

#: As long as the frame of one call.
FRAME = b"\x81\x84dcall\x19\x03\xe8jbench.echo\xa1evalue\x19\x03\xe8"
#: As long as the frame of one small item would be; and what asks for items: how many, and how far they may be ahead.
ITEM = b"\x81\x83ditem\x01\xa2bid\x19\x03\xe8dnameditem"
ITEMS = struct.Struct("qq")
#: Payloads that are on their way at a time: alone, each would wait for the answer to the one before.
FLIGHT = 4
_EVENTS, _POLLIN, _MORE = int(zmq.EVENTS), int(zmq.POLLIN), int(zmq.SNDMORE)

Socket = zmq.Socket[bytes]


@contextmanager
def floor(address: str, kind: str, spin: float = 0.0) -> Iterator[tuple[Socket, int]]:
    """A DEALER that is connected to a floor, and the floor's pid."""
    process = subprocess.Popen([sys.executable, "-m", __name__, address, kind, str(spin)])
    context: zmq.Context[Socket] = zmq.Context()
    try:
        with context.socket(zmq.DEALER) as socket:
            socket.linger = socket.sndhwm = socket.rcvhwm = 0
            socket.connect(address)
            yield socket, process.pid
        context.term()
    finally:
        process.kill()
        process.wait()


# -- the floor's side --------------------------------------------------------------------------------------------------


def answer_one_by_one(socket: Socket, spin: float) -> None:
    receive, send, look = socket.recv, socket.send, _look(socket)
    while True:
        if spin:
            look(spin)
        peer = receive()
        frame = receive()
        send(peer, _MORE)
        send(frame)


def answer_all(socket: Socket, _: float) -> None:
    poller = zmq.Poller()
    poller.register(socket, zmq.POLLIN)
    receive, send, get = socket.recv, socket.send, _get(socket)
    while True:
        poller.poll()
        while get(_EVENTS) & _POLLIN:
            send(receive())


def answer_bulk(socket: Socket, _: float) -> None:
    payload = b""
    while True:
        frame = socket.recv(copy=False)
        if len(frame) != 8:
            socket.send(len(frame).to_bytes(8, "little"))
            continue
        size = int.from_bytes(frame.bytes, "little")
        if len(payload) != size:
            payload = b"\1" * size
        socket.send(payload, copy=False)


def answer_items(socket: Socket, _: float) -> None:
    send, get = socket.send, _get(socket)
    while True:
        left, credit = ITEMS.unpack(socket.recv())
        while left:
            while credit and left:
                send(ITEM)
                credit -= 1
                left -= 1
            while left and (not credit or get(_EVENTS) & _POLLIN):
                credit += ITEMS.unpack(socket.recv())[1]


KINDS: dict[str, tuple[int, Callable[[Socket, float], None]]] = {
    "router": (zmq.ROUTER, answer_one_by_one),
    "dealer": (zmq.DEALER, answer_all),
    "bulk": (zmq.DEALER, answer_bulk),
    "items": (zmq.DEALER, answer_items),
}

# -- the other side: operations of `orders` ----------------------------------------------------------------------------


def call(socket: Socket, spin: float = 0.0) -> Callable[[int], list[int]]:
    """Round trips one by one; `spin` as `stockade_frontend.connect` has it."""
    send, receive, look = socket.send, socket.recv, _look(socket)

    def trip(_: int) -> None:
        send(FRAME)
        if spin:
            look(spin)
        receive()

    return one_by_one(trip)


def pipeline(socket: Socket) -> Callable[[int, int], None]:
    """So many messages, `flight` of them on their way at a time."""

    def run(count: int, flight: int) -> None:
        send, receive, get = socket.send, socket.recv, _get(socket)
        poller = zmq.Poller()
        poller.register(socket, zmq.POLLIN)
        for _ in range(flight):
            send(FRAME)
        to_send, to_come = count - flight, count
        while to_come:
            poller.poll()
            while get(_EVENTS) & _POLLIN:
                receive()
                to_come -= 1
                if to_send:
                    send(FRAME)
                    to_send -= 1

    return run


def stream(socket: Socket) -> Callable[[int, int], None]:
    """So many items, with credit: half of it is given back when half of it has been used."""

    def run(count: int, credit: int) -> None:
        receive, half = socket.recv, max(1, credit // 2)
        socket.send(ITEMS.pack(count, credit))
        for number in range(1, count + 1):
            receive()
            if number % half == 0 and count - number > credit - half:
                socket.send(ITEMS.pack(0, half))

    return run


def bulk(socket: Socket) -> dict[str, Callable[[int, int], None]]:
    """Payloads there and back, `count` of `size` bytes."""
    payloads: dict[int, bytes] = {}

    def send(count: int, size: int) -> None:
        if size not in payloads:
            payloads.clear()
            payloads[size] = b"\1" * size
        for number in range(count + FLIGHT - 1):
            if number < count:
                socket.send(payloads[size], copy=False)
            if number >= FLIGHT - 1 and int.from_bytes(socket.recv(), "little") != size:
                raise ValueError("the floor got another payload")

    def receive(count: int, size: int) -> None:
        for number in range(count + FLIGHT - 1):
            if number < count:
                socket.send(size.to_bytes(8, "little"))
            if number >= FLIGHT - 1 and len(socket.recv(copy=False)) != size:
                raise ValueError("the floor gave another payload")

    return {"send": send, "receive": receive}


def _get(socket: Socket) -> Callable[[int], int]:
    """The socket's own `get`: EVENTS through the property costs two microseconds more."""
    get: Callable[[int], Any] = socket.get
    return get


def _look(socket: Socket) -> Callable[[float], None]:
    """Look for a message, so many seconds at most, without sleeping."""
    get = _get(socket)

    def look(seconds: float) -> None:
        end = perf_counter() + seconds
        while not get(_EVENTS) & _POLLIN and perf_counter() < end:
            pass

    return look


def main(address: str, kind: str, spin: str = "0") -> None:
    number, answer = KINDS[kind]
    context: zmq.Context[Socket] = zmq.Context()
    socket = context.socket(number)
    socket.sndhwm = socket.rcvhwm = 0
    socket.bind(address)
    answer(socket, float(spin))


if __name__ == "__main__":
    main(*sys.argv[1:])
