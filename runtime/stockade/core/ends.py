"""The core's ends of a link: its three sockets, made as the protocol wants them, and how messages go through one.

Knows no loop and no frame's meaning: a link reads and sends when it is time. docs/protocol.md, sections 1 to 3.
"""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import zmq

from stockade import limits
from stockade.core.turns import Turns
from stockade.core.wire.happenings import Raw

__all__ = [
    "DONTWAIT",
    "KINDS",
    "MORE",
    "RCVMORE",
    "WORKER",
    "End",
    "is_there",
    "make",
    "monitored",
    "only_frame",
    "queue_length",
    "raw_frames",
    "send_raw",
    "sender",
]

#: Plain integers: see `turns`.
RCVMORE, DONTWAIT, MORE = int(zmq.RCVMORE), int(zmq.DONTWAIT), int(zmq.SNDMORE | zmq.DONTWAIT)
KINDS = {"commands": zmq.ROUTER, "events": zmq.XPUB, "emits": zmq.SUB}
#: The routing id that the core gives the one peer of its ROUTER; what the peer claims is ignored.
WORKER = b"worker"
#: Milliseconds before libzmq connects again by itself: no link lives so long without its peer. Soon would be 400
#: refused handshakes a second, which can abort libzmq; -1, never, throws away what came before the peer closed.
_NEVER = 24 * 60 * 60 * 1000
_WATCHED = zmq.Event.CLOSED | zmq.Event.DISCONNECTED | zmq.Event.HANDSHAKE_SUCCEEDED
_monitors = itertools.count()


@attrs.define(eq=False)
class End:
    """One of the three sockets, with its monitor."""

    name: str
    socket: zmq.Socket[bytes]
    monitor: zmq.Socket[bytes]
    watch: Turns
    turns: Turns | None = None
    made: bool = False  # the handshake was completed
    lost: bool = False  # and the connection has ended: all that came over it can be read

    def close(self) -> None:
        """Watch the socket no more, and close it."""
        self.watch.close()
        if self.turns is not None:
            self.turns.close()
        self.socket.disable_monitor()
        self.monitor.close(0)
        self.socket.close(0)


# -- making -----------------------------------------------------------------------------------------------------------


def make(context: zmq.Context[zmq.Socket[bytes]], name: str, domain: bytes, largest: int) -> zmq.Socket[bytes]:
    """The socket for the worker's one of this name: not connected, and closed to all but whom ZAP admits to `domain`.

    `largest` is the limit of a message on the commands socket, in bytes.
    """
    socket = context.socket(KINDS[name])
    socket.linger = 0
    socket.plain_server = True
    socket.zap_domain = domain
    socket.reconnect_ivl = _NEVER
    match name:
        case "commands":
            socket.router_mandatory = True
            socket.setsockopt(zmq.CONNECT_ROUTING_ID, WORKER)
            socket.sndhwm = socket.rcvhwm = queue_length(largest)
            socket.maxmsgsize = largest + limits.MESSAGE_SLACK
        case "events":
            socket.setsockopt(zmq.XPUB_MANUAL, 1)
            socket.setsockopt(zmq.XPUB_NODROP, 1)
            socket.sndhwm = socket.rcvhwm = limits.EVENT_QUEUE
            socket.maxmsgsize = limits.NAME + limits.MESSAGE_SLACK
        case "emits":
            socket.subscribe(b"")
            socket.rcvhwm = limits.EVENT_QUEUE
            socket.maxmsgsize = limits.EVENT + limits.MESSAGE_SLACK
    return socket


def monitored(context: zmq.Context[zmq.Socket[bytes]], socket: zmq.Socket[bytes]) -> zmq.Socket[bytes]:
    """Where libzmq tells how the connection of `socket` goes.

    Costs 16 KiB, of the 168 of a whole link, for as long as the socket lives: nothing else tells of a connection that
    libzmq cuts itself, for a message over the limit.
    """
    address = f"inproc://monitor-{next(_monitors)}"
    socket.monitor(address, _WATCHED)
    monitor = context.socket(zmq.PAIR)
    monitor.connect(address)
    return monitor


def queue_length(largest: int) -> int:
    """How many batches may wait in a queue of commands where one has at most `largest` bytes."""
    return min(limits.LONGEST_QUEUE, max(limits.LEAST_QUEUE, limits.QUEUE_BYTES // largest))


def is_there(path: str) -> bool:
    """Whether `path` is a socket itself, not a link to one."""
    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return False


# -- messages ---------------------------------------------------------------------------------------------------------


def sender(socket: zmq.Socket[bytes]) -> Callable[[bytes, int], Any]:
    """`socket.send` without the layer that is for what nobody here asks of it: 0.34 µs a frame instead of 0.68."""
    send: Callable[[bytes, int], Any] = super(zmq.Socket, socket).send
    return send


def raw_frames(socket: zmq.Socket[bytes]) -> list[Raw]:
    """The frames behind the first, without a copy; one too many is the last that is read."""
    frames: list[Raw] = []
    more = True
    while more and len(frames) <= limits.FRAMES:
        frame = socket.recv(DONTWAIT, copy=False)
        frames.append(frame.buffer)
        more = frame.more
    return frames


def send_raw(socket: zmq.Socket[bytes], first: bytes, frames: Sequence[Raw]) -> None:
    """Send the rest of a message, whose first frame was taken: so is this."""
    socket.send(first, MORE)
    for frame in frames[:-1]:
        socket.send(frame, MORE, copy=len(frame) < limits.UNCOPIED)
    socket.send(frames[-1], DONTWAIT, copy=len(frames[-1]) < limits.UNCOPIED)


def only_frame(socket: zmq.Socket[bytes]) -> bytes:
    """One message, which must be one frame. The first of several gets a byte in front that no valid frame has, and the
    rest is not read: there may be millions of them, and the breach that follows ends the reading.
    """
    frame = socket.recv(DONTWAIT)
    return b"\xff" + frame[:60] if socket.get(RCVMORE) else frame
