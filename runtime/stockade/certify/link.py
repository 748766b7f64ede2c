"""The scripted core's three sockets to one worker: connected as a core does, and frames moved. Knows no message.

One ZAP handler and one context serve all lives of a process, for neither can be closed safely (core.selfcheck).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import cache

import attrs
import zmq

from stockade import limits
from stockade.core import ends
from stockade.core.ends import DONTWAIT, MORE, WORKER, End
from stockade.core.turns import Turns
from stockade.core.zap import Authenticator, Expected

__all__ = ["Link", "gate"]

Context = zmq.Context[zmq.Socket[bytes]]


@cache
def gate() -> tuple[Context, Authenticator]:
    """The context of all links, and who answers for it; attach that to the loop that runs."""
    context: Context = zmq.Context()
    return context, Authenticator.bind(context)


@attrs.define(eq=False)
class Link:
    """Connects to what the worker binds, each socket once it is `open_to`; brings each message to `received`.

    `changed` is told when a connection was made, or has ended.
    """

    _loop: asyncio.AbstractEventLoop
    _directory: str
    _admit: Expected
    _largest: int
    _received: Callable[[str, list[bytes]], None]
    _changed: Callable[[], None]
    _open_to: set[str] = attrs.field(factory=set)
    _ends: dict[str, End] = attrs.field(factory=dict)
    _look: asyncio.TimerHandle | None = None

    def open_to(self, *names: str) -> None:
        """Connect to these sockets, as soon as they are there."""
        self._open_to.update(names)
        if self._look is None:
            self._look_around()

    @property
    def made(self) -> set[str]:
        """The connections whose handshake was completed."""
        return {name for name, end in self._ends.items() if end.made}

    @property
    def lost(self) -> set[str]:
        """Those of them that have ended."""
        return {name for name, end in self._ends.items() if end.lost}

    def _look_around(self) -> None:
        for name in self._open_to - self._ends.keys():
            if ends.is_there(f"{self._directory}/{name}"):
                self._connect(name)
        self._look = self._loop.call_later(limits.LOOK, self._look_around) if self._waits else None

    @property
    def _waits(self) -> bool:
        return bool(self._open_to - self._ends.keys())

    def _connect(self, name: str) -> None:
        context, authenticator = gate()
        domain = self._domain(name)
        authenticator.expect(domain, self._admit)
        socket = ends.make(context, name, domain, self._largest)
        monitor = ends.monitored(context, socket)
        end = End(name, socket, monitor, Turns(self._loop, monitor, lambda: self._monitored(end)))
        self._ends[name] = end
        socket.connect(f"ipc://{self._directory}/{name}")
        end.turns = Turns(self._loop, socket, lambda: self._take(end))

    def _domain(self, name: str) -> bytes:
        return f"{name}:{self._directory}".encode()[-250:]

    def _monitored(self, end: End) -> None:
        event = int.from_bytes(end.monitor.recv_multipart()[0][:2], "little")
        if event == zmq.Event.HANDSHAKE_SUCCEEDED:
            end.made = True
            self._changed()
        elif end.made or event == zmq.Event.DISCONNECTED:
            end.lost = True
            self._changed()
        else:  # bound, but not listening yet
            end.close()
            del self._ends[end.name]
            if self._look is None:
                self._look = self._loop.call_later(limits.LOOK, self._look_around)

    def _take(self, end: End) -> None:
        frames = end.socket.recv_multipart(DONTWAIT)
        self._received(end.name, frames[1:] if end.name == "commands" else frames)

    def send(self, name: str, frames: Sequence[bytes]) -> bool:
        """Send one message; False if there is no room for it. Raises zmq.ZMQError (EHOSTUNREACH) if nobody is there."""
        end = self._ends[name]
        try:
            if name == "commands":
                end.socket.send(WORKER, MORE)
            for frame in frames[:-1]:
                end.socket.send(frame, MORE)
            end.socket.send(frames[-1], DONTWAIT)
        except zmq.Again:
            return False
        if end.turns is not None:
            end.turns.look()
        return True

    def grant(self, topic: str) -> None:
        """Let this topic through."""
        self._ends["events"].socket.setsockopt(zmq.SUBSCRIBE, topic.encode())

    def revoke(self, topic: str) -> None:
        """Let it through no more."""
        self._ends["events"].socket.setsockopt(zmq.UNSUBSCRIBE, topic.encode())

    def read(self, reads: bool) -> None:
        """Whether what the worker says is read, on any socket."""
        for end in self._ends.values():
            if end.turns is not None:
                end.turns.resume() if reads else end.turns.pause()

    def close(self) -> None:
        """Close the sockets that there are, and make no more."""
        self._open_to.clear()
        if self._look is not None:
            self._look.cancel()
        _, authenticator = gate()
        for name, end in self._ends.items():
            authenticator.forget(self._domain(name))
            end.close()
        self._ends.clear()
