"""The floor: an echo of bare pyzmq in a process of its own, which answers each message with itself.

``python floor.py ADDRESS KIND [CPU]``. Kind `router` is a ROUTER that blocks in recv, for one message at a time; kind
`dealer` is a DEALER that polls and then empties its socket, for many. No exception, no copy and no check is in its way.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import zmq

    Socket = zmq.Socket[bytes]


def main(address: str, kind: str, *cpu: str) -> None:
    if cpu:
        os.sched_setaffinity(0, {int(cpu[0])})  # before the context makes its thread, which inherits it
    import zmq

    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    if kind == "router":
        answer_one_by_one(context.socket(zmq.ROUTER), address)
    else:
        answer_all(context.socket(zmq.DEALER), address)


def answer_one_by_one(socket: Socket, address: str) -> None:
    from zmq import SNDMORE

    more = int(SNDMORE)
    socket.bind(address)
    receive, send = socket.recv, socket.send
    while True:
        peer = receive()
        frame = receive()
        send(peer, more)
        send(frame)


def answer_all(socket: Socket, address: str) -> None:
    import zmq

    socket.sndhwm = socket.rcvhwm = 0
    socket.bind(address)
    poller = zmq.Poller()
    poller.register(socket, zmq.POLLIN)
    receive, send = socket.recv, socket.send
    get: Callable[[int], int] = socket.get  # type: ignore[assignment]  # EVENTS is an integer
    events, readable = int(zmq.EVENTS), int(zmq.POLLIN)
    while True:
        poller.poll()
        while get(events) & readable:
            send(receive())


if __name__ == "__main__":
    main(*sys.argv[1:])
