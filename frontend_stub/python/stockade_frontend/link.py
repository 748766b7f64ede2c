"""The three sockets of a worker's link, bound in its own directory (protocol, section 3). Knows no message.

Nothing here waits. The context is made here too, so in the process and thread that will use it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import zmq

from stockade_frontend.errors import StartedByHand, Stopped
from stockade_frontend.worker import Place

__all__ = [
    "DONTWAIT",
    "EVENTS",
    "MORE",
    "POLLIN",
    "POLLOUT",
    "Link",
    "descriptor",
    "has_more",
    "readable",
    "receive_rest",
    "send_all",
    "sender",
]

# As plain integers: pyzmq's enumerations cost a microsecond wherever they are combined.
POLLIN, POLLOUT = int(zmq.POLLIN), int(zmq.POLLOUT)
DONTWAIT = int(zmq.DONTWAIT)
SNDMORE = int(zmq.SNDMORE)
EVENTS, MORE = int(zmq.EVENTS), int(zmq.RCVMORE)

#: Batches that wait in libzmq for a core that does not read. More calls than `limits.calls` are never in them.
_COMMANDS_QUEUE = 64
#: Emits that wait so. Times the limit of a message this is what a stopped core can make this process hold.
_EMITS_QUEUE = 256


class Link:
    """Commands (DEALER), events (SUB), emits (XPUB), and the lifeline. Raises `StartedByHand` if it cannot bind."""

    __slots__ = ("_context", "commands", "emits", "events", "lifeline")

    def __init__(self, place: Place) -> None:
        self.lifeline = place.lifeline
        self._context = zmq.Context()
        try:
            self.commands = self._bind(zmq.DEALER, "commands", place, {zmq.SNDHWM: _COMMANDS_QUEUE})
            self.events = self._bind(zmq.SUB, "events", place, {})
            self.emits = self._bind(zmq.XPUB, "emits", place, {zmq.SNDHWM: _EMITS_QUEUE, zmq.XPUB_NODROP: 1})
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            raise StartedByHand(f"the sockets of this worker cannot be bound in {place.sockets}: {error}") from None

    def _bind(self, kind: int, name: str, place: Place, options: dict[int, int]) -> zmq.Socket[bytes]:
        made: zmq.Socket[bytes] = self._context.socket(kind)
        made.setsockopt(zmq.PLAIN_USERNAME, f"{place.label}@{place.generation}".encode())
        made.setsockopt(zmq.PLAIN_PASSWORD, place.secret)
        made.setsockopt(zmq.LINGER, 0)
        if place.core_pid is not None:
            made.setsockopt(zmq.IPC_FILTER_PID, place.core_pid)
        for option, value in options.items():
            made.setsockopt(option, value)
        made.bind(f"{place.sockets}/{name}")
        return made

    def look_at_lifeline(self) -> None:
        """The lifeline is readable. Raises `Stopped` at its end."""
        if not os.read(self.lifeline, 4096):
            raise Stopped("the lifeline has ended")

    def close(self) -> None:
        """Close all three. What has not been sent by now is lost: leave first."""
        self._context.destroy(linger=0)
        os.close(self.lifeline)


# `get` where one would expect `getsockopt`: 0.7 µs, and twice as much.


def readable(source: zmq.Socket[bytes]) -> bool:
    """Whether a frame is there. Looking also makes libzmq take notice of what its own thread has done."""
    return bool(source.get(EVENTS) & POLLIN)  # type: ignore[operator]  # EVENTS is an integer


def has_more(source: zmq.Socket[bytes]) -> bool:
    """Whether there are more frames behind the one that was just received."""
    return bool(source.get(MORE))


def receive_rest(source: zmq.Socket[bytes]) -> list[memoryview]:
    """The frames behind the one that was just received, as views of what ZeroMQ has got."""
    frames = []
    while has_more(source):
        frames.append(source.recv(DONTWAIT, copy=False).buffer)
    return frames


def sender(source: zmq.Socket[bytes]) -> Callable[[bytes, int], Any]:
    """`source.send` without the layer of pyzmq for what is never asked of it here: 0.34 µs a frame instead of 0.68."""
    send: Callable[[bytes, int], Any] = super(zmq.Socket, source).send
    return send


def send_all(source: zmq.Socket[bytes], head: bytes, frames: Sequence[bytes | memoryview]) -> None:
    """Send these as one message, the frames without a copy where that pays (from 64 KiB on, says pyzmq).

    Raises `zmq.Again` before anything has gone: where there is room for the first, there is for the rest.
    """
    source.send(head, DONTWAIT | SNDMORE)
    for frame in frames[:-1]:
        source.send(frame, DONTWAIT | SNDMORE, copy=False)
    source.send(frames[-1], DONTWAIT, copy=False)


def descriptor(source: zmq.Socket[bytes]) -> int:
    """What becomes readable when something has happened to `source`: an edge, so look until there is nothing."""
    return int(source.getsockopt(zmq.FD))
