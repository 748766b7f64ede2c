"""The floor of both faces: round trips of one frame with a bare DEALER, nothing of the stub in the way."""

from __future__ import annotations

import os
from time import perf_counter_ns

import zmq

__all__ = ["Floor"]

_FRAME = bytes(24)


class Floor:
    """Connected to the bare ROUTER at $BENCH_FLOOR, which answers each message with itself, when it is first asked."""

    def __init__(self) -> None:
        self._socket: zmq.Socket[bytes] | None = None

    def round_trips(self, count: int) -> list[int]:
        """The nanoseconds of each of so many, one after the other."""
        socket = self._socket = self._socket or _connected()
        send, receive = socket.send, socket.recv
        took = []
        for _ in range(count):
            began = perf_counter_ns()
            send(_FRAME)
            receive()
            took.append(perf_counter_ns() - began)
        return took


def _connected() -> zmq.Socket[bytes]:
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(os.environ["BENCH_FLOOR"])
    return socket
