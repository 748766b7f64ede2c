"""Reads one ZeroMQ socket from an asyncio loop, a bounded turn at a time. Knows nothing of what it reads.

A ZeroMQ descriptor is edge-triggered: after each wake-up, and after each send, the socket must be asked again until it
has nothing (zmq_getsockopt(3), ZMQ_FD). A turn ends after 64 messages or 0.3 ms and goes on in the loop's next
round, so that a worker that floods cannot hold the loop: draining without bound gave one flooder 1.5 s of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any

import attrs
import zmq

from stockade.limits import TURN_MESSAGES, TURN_SECONDS

__all__ = ["EVENTS", "POLLIN", "POLLOUT", "Turns"]

#: Plain integers: an enum's `&` costs more than the call whose answer it tests (2.9 µs with, 1.5 without).
EVENTS, POLLIN, POLLOUT = int(zmq.EVENTS), int(zmq.POLLIN), int(zmq.POLLOUT)


def _nothing() -> bool:
    return False


@attrs.define(eq=False)
class Turns:
    """Calls `take` while there is a message to read, and `after` behind the first of a turn and at the turn's end.

    `take` must receive at least one whole message; `after` says whether it has sent something on this socket. `pause`
    keeps messages in ZeroMQ's queues, where they hold their sender back; `after` is called all the same when the
    socket becomes writable. `spin` is how many seconds after a message the next one is looked for, in each of the
    loop's rounds, before the loop may sleep: nobody else waits for it.
    """

    _loop: asyncio.AbstractEventLoop
    _socket: zmq.Socket[bytes]
    _take: Callable[[], None]
    _after: Callable[[], bool] = _nothing
    _spin: float = 0.0
    _paused: bool = False
    _closed: bool = False
    again: asyncio.Handle | None = None  # set: it will look in the loop's next round
    _awake: float = 0.0  # until when it spins
    _peeks: asyncio.Handle | None = None
    _get: Callable[[int], Any] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._get = self._socket.get
        self._loop.add_reader(self._socket.fileno(), self.turn)
        self.look()

    def look(self) -> None:
        """Look for messages in the loop's next round: needed after sending, which may have taken the wake-up."""
        if self.again is None and not self._closed:
            self.again = self._loop.call_soon(self.turn)

    def turn(self) -> None:
        """Read what is there, within a turn's bounds."""
        again, self.again = self.again, None
        if again is not None:
            again.cancel()
        get, take, taken, end = self._get, self._take, 0, monotonic() + TURN_SECONDS
        try:
            while not self._closed and get(EVENTS) & POLLIN and not self._paused:
                take()
                taken += 1
                if taken == 1:
                    # Mostly there is one, and its sender waits. The question that follows is then also the one that
                    # sending made necessary: asked in the loop's next round it cost each call 10 µs.
                    self._after()
                if taken == TURN_MESSAGES or monotonic() > end:
                    self.look()
                    break
        finally:
            if taken != 1 and self._after():
                self.look()
        if taken and self._spin:
            self._awake = monotonic() + self._spin
            if self._peeks is None and not self._closed:
                self._peeks = self._loop.call_soon(self._peek)

    def _peek(self) -> None:
        self._peeks = None
        if self._get(EVENTS) & POLLIN and not self._paused:
            self.turn()
        elif monotonic() < self._awake:
            self._peeks = self._loop.call_soon(self._peek)

    def pause(self) -> None:
        """Leave messages where they are."""
        self._paused = True

    def resume(self) -> None:
        """Read again."""
        if self._paused:
            self._paused = False
            self.look()

    def close(self) -> None:
        """Watch the descriptor no longer; the socket is the caller's to close, afterwards."""
        if not self._closed:
            self._closed = True
            self._after = _nothing
            self._loop.remove_reader(self._socket.fileno())
            for handle in (self.again, self._peeks):
                if handle is not None:
                    handle.cancel()
