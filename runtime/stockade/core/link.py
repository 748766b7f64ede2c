"""One worker's link: the ROUTER, XPUB and SUB that the core connects to the three sockets of one generation.

Moves frames, never reads one: what they mean is the gate's. docs/protocol.md, sections 1 to 3.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import stat
from collections.abc import Sequence
from typing import Any, Protocol

import attrs
import zmq

from stockade import limits
from stockade.core.outbox import Laden, Outbox
from stockade.core.turns import EVENTS, POLLIN, POLLOUT, Turns
from stockade.core.wire.happenings import Raw
from stockade.core.zap import Authenticator, Expected

__all__ = ["Link", "Receiver", "Statistics", "queue_length"]

#: Plain integers: see `turns`.
_RCVMORE, _DONTWAIT, _MORE = int(zmq.RCVMORE), int(zmq.DONTWAIT), int(zmq.SNDMORE | zmq.DONTWAIT)
#: The routing id that the core gives the one peer of its ROUTER; what the peer claims is ignored.
_WORKER = b"worker"
#: Milliseconds before libzmq connects again by itself: no link lives so long without its peer. Soon would be 400
#: refused handshakes a second, which can abort libzmq; -1, never, throws away what came before the peer closed.
_NEVER = 24 * 60 * 60 * 1000
_WATCHED = zmq.Event.CLOSED | zmq.Event.DISCONNECTED | zmq.Event.HANDSHAKE_SUCCEEDED
_monitors = itertools.count()


class Receiver(Protocol):
    """Whom a link brings what it has received. Nothing is brought any more after `Link.close`."""

    def on_batch(self, frame: bytes, frames: Sequence[Raw]) -> None:
        """A message on the commands socket: its first frame and the raw ones behind it.

        Of more than a message may have, one too many is given, and nobody will read the rest.
        """

    def on_subscription(self, frame: bytes) -> None:
        """A frame on the events socket."""

    def on_emit(self, frame: bytes) -> None:
        """A frame on the emits socket."""

    def on_lost(self, where: str, made: bool) -> None:
        """One of the three connections has ended; `made` is whether its handshake had been completed."""

    def on_turn(self) -> None:
        """A turn of reading is over."""


@attrs.frozen
class Statistics:
    """What a link has moved so far. Sizes in bytes."""

    batches_in: int
    batches_out: int
    outbox: int
    lost: int  # messages that could not be sent any more


@attrs.define(eq=False)
class _End:
    """One of the three sockets, with its monitor."""

    name: str
    socket: zmq.Socket[bytes]
    monitor: zmq.Socket[bytes]
    watch: Turns
    turns: Turns | None = None
    made: bool = False  # the handshake was completed
    lost: bool = False  # and the connection has ended: all that came over it can be read

    def close(self) -> None:
        self.watch.close()
        if self.turns is not None:
            self.turns.close()
        self.socket.disable_monitor()
        self.monitor.close(0)
        self.socket.close(0)


@attrs.define(eq=False)
class Link:
    """Connects once the worker has bound, then moves frames both ways; never blocks.

    `admit` is who may be at the other end; `largest` is the limit of a message on the commands socket.
    """

    _loop: asyncio.AbstractEventLoop
    _context: zmq.Context[zmq.Socket[bytes]]
    _authenticator: Authenticator
    _receiver: Receiver
    name: str  # "editor@3"
    _directory: str
    _admit: Expected
    _largest: int
    outbox: Outbox
    _spin: float = 0.0  # see `Turns`
    _ends: dict[str, _End] = attrs.field(factory=dict)
    _look: asyncio.TimerHandle | None = None
    _looks: int = 0
    _refused_connects: int = 0
    _commands: zmq.Socket[bytes] | None = None
    _flush: asyncio.Handle | None = None
    _in_turn: bool = False  # its end will flush
    _held: bool = False  # the worker is not read, because it does not read its answers
    _suspended: bool = False  # commands are not read, because the last ones are still being handled
    _no_room: bool = False  # the last attempt to send was refused
    _listening: bool = False  # subscriptions and emits are read too
    _closed: bool = False
    _batches_in: int = 0
    _batches_out: int = 0
    _lost: int = 0

    # -- connecting ---------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Connect to the sockets that the worker has bound by now, and look again until all three are there."""
        self._looks += 1
        for name in _KINDS:
            if name not in self._ends and _is_socket(f"{self._directory}/{name}"):
                self._connect(name)
        if len(self._ends) < len(_KINDS):
            # Workers bind within a tenth of a second; one that takes seconds can wait for some milliseconds more.
            pause = limits.LOOK if self._looks < 1000 else 10 * limits.LOOK
            self._look = self._loop.call_later(pause, self.look)

    def _connect(self, name: str) -> None:
        domain = f"{name}:{self.name}".encode()
        self._authenticator.expect(domain, self._admit)
        socket = self._context.socket(_KINDS[name])
        socket.linger = 0
        socket.plain_server = True
        socket.zap_domain = domain
        socket.reconnect_ivl = _NEVER
        self._configure(name, socket)
        address = f"inproc://monitor-{next(_monitors)}"
        socket.monitor(address, _WATCHED)
        monitor = self._context.socket(zmq.PAIR)
        monitor.connect(address)
        end = _End(name, socket, monitor, Turns(self._loop, monitor, lambda: self._monitored(end)))
        self._ends[name] = end
        socket.connect(f"ipc://{self._directory}/{name}")
        if name == "commands":
            self._commands = socket
            end.turns = Turns(self._loop, socket, self._take_batch, self._after_turn, self._spin)
        elif self._listening:
            self._attach(end)

    def _configure(self, name: str, socket: zmq.Socket[bytes]) -> None:
        match name:
            case "commands":
                socket.router_mandatory = True
                socket.setsockopt(zmq.CONNECT_ROUTING_ID, _WORKER)
                socket.sndhwm = socket.rcvhwm = queue_length(self._largest)
                socket.maxmsgsize = self._largest + limits.MESSAGE_SLACK
            case "events":
                socket.setsockopt(zmq.XPUB_MANUAL, 1)
                socket.setsockopt(zmq.XPUB_NODROP, 1)
                socket.sndhwm = socket.rcvhwm = limits.EVENT_QUEUE
                socket.maxmsgsize = limits.NAME + limits.MESSAGE_SLACK
            case "emits":
                socket.subscribe(b"")
                socket.rcvhwm = limits.EVENT_QUEUE
                socket.maxmsgsize = limits.EVENT + limits.MESSAGE_SLACK

    def _monitored(self, end: _End) -> None:
        event = int.from_bytes(end.monitor.recv_multipart()[0][:2], "little")
        if event == zmq.Event.HANDSHAKE_SUCCEEDED:
            end.made = True
        elif end.made or event == zmq.Event.DISCONNECTED:
            # Not made: a handshake that fails before ZAP is asked, as with a peer that speaks no PLAIN.
            end.lost = True
            self._receiver.on_lost(end.name, end.made)
        else:
            # Bound, but not listening yet: connect refused. Once more, with a fresh socket.
            end.close()
            del self._ends[end.name]
            if end.name == "commands":
                self._commands = None
            self._refused_connects += 1
            if self._look is not None:
                self._look.cancel()
            # Each try costs two sockets: five workers that bound and never listened took most of a CPU at 3 ms.
            pause = min(limits.LOOK * 2 ** min(self._refused_connects, 10), limits.LONGEST_LOOK)
            self._look = self._loop.call_later(pause, self.look)

    # -- receiving ----------------------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Read subscriptions and emits too, from now on: after `welcome`. Sockets may be bound later, in any order."""
        self._listening = True
        for end in self._ends.values():
            if end.turns is None:
                self._attach(end)

    def _attach(self, end: _End) -> None:
        take = self._take_subscription if end.name == "events" else self._take_emit
        end.turns = Turns(self._loop, end.socket, take, self._after_other_turn)
        if self._held:
            end.turns.pause()

    def _take_batch(self) -> None:
        self._in_turn = True
        socket = self._commands
        if socket is None:
            return
        socket.recv(_DONTWAIT)  # the routing id, our own word for the only peer
        frame = socket.recv(_DONTWAIT)
        self._batches_in += 1
        self._receiver.on_batch(frame, _raw_frames(socket) if socket.get(_RCVMORE) else ())

    def _take_subscription(self) -> None:
        self._receiver.on_subscription(_only_frame(self._ends["events"].socket))

    def _take_emit(self) -> None:
        self._receiver.on_emit(_only_frame(self._ends["emits"].socket))

    def _after_turn(self) -> bool:
        self._in_turn = False
        self._receiver.on_turn()
        return self._send_waiting()

    def _after_other_turn(self) -> bool:
        self._receiver.on_turn()
        self.flush()
        return False

    # -- sending ------------------------------------------------------------------------------------------------------

    def post(self, part: bytes | Laden) -> None:
        """Send an encoded message with the next batch: when this turn is over, or the loop's next round begins."""
        self.outbox.put(part)
        if self._flush is None and not self._in_turn and not self._closed:
            self._flush = self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Send what has gathered, as far as there is room; hold the worker back while it does not read its answers."""
        if self._send_waiting():
            turns = self._ends["commands"].turns
            if turns is not None:
                turns.look()

    def _send_waiting(self) -> bool:
        """`flush`; whether the socket must be asked again, since sending may have taken the wake-up."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        socket, outbox = self._commands, self.outbox
        if socket is None or self._closed:
            return False
        if not outbox.size:
            return False
        if self._no_room:
            events: Any = socket.get(EVENTS)  # takes the wake-up; another one follows when there is room
            if not events & POLLOUT:
                return bool(events & POLLIN) and not self._held
        self._send(socket)
        if outbox.is_full is not self._held:
            self._hold(outbox.is_full)
        if outbox.is_awaited:
            outbox.wake()
        return True

    def _hold(self, held: bool) -> None:
        self._held = held
        self._pace()

    def suspend(self) -> None:
        """Read no commands until `proceed`; the other sockets go on."""
        if not self._suspended:
            self._suspended = True
            self._pace()

    def proceed(self) -> None:
        """Read commands again."""
        if self._suspended:
            self._suspended = False
            self._pace()

    def _pace(self) -> None:
        for end in self._ends.values():
            if end.turns is not None:
                paused = self._held or (self._suspended and end.name == "commands")
                end.turns.pause() if paused else end.turns.resume()

    def _send(self, socket: zmq.Socket[bytes]) -> None:
        outbox, self._no_room = self.outbox, False
        try:
            while outbox.size:
                # Without asking for room before: that would cost each call 1.4 µs, and its lack is rare. The first
                # frame is refused or the message taken whole, so nothing has left the outbox when there is none.
                socket.send(_WORKER, _MORE)
                first, frames = outbox.batch()
                if frames:
                    _send_raw(socket, first, frames)
                else:
                    socket.send(first, _DONTWAIT)
                self._batches_out += 1
        except zmq.Again:
            self._no_room = True  # the descriptor tells when there is
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self._lost += outbox.clear()  # the worker has gone

    def grant(self, topic: bytes) -> None:
        """Let this topic through. Applies to the last pipe read, and this socket has only one."""
        self._ends["events"].socket.setsockopt(zmq.SUBSCRIBE, topic)

    def revoke(self, topic: bytes) -> None:
        """Let this topic through no more."""
        self._ends["events"].socket.setsockopt(zmq.UNSUBSCRIBE, topic)

    def send_event(self, frame: bytes) -> bool:
        """Send an event; False if the worker has no room for it."""
        end = self._ends["events"]
        try:
            end.socket.send(frame, zmq.DONTWAIT)
        except zmq.Again:
            return False
        if end.turns is not None:
            end.turns.look()
        return True

    # -- the end ------------------------------------------------------------------------------------------------------

    def mute(self) -> None:
        """Read nothing any more; what waits to be sent was tried for the last time."""
        for end in self._ends.values():
            end.watch.close()
            if end.turns is not None:
                end.turns.close()

    @property
    def is_drained(self) -> bool:
        """Whether all that a worker emitted before it went has been read."""
        end = self._ends.get("emits")
        if end is None or end.turns is None or not end.made:
            return True
        events: Any = end.socket.get(EVENTS)
        if events & POLLIN:
            end.turns.look()  # asking has taken the wake-up
        return end.lost and not events & POLLIN

    def close(self) -> None:
        """Close the sockets; what still waits in them is gone."""
        self._closed = True
        for handle in (self._look, self._flush):
            if handle is not None:
                handle.cancel()
        for name, end in self._ends.items():
            self._authenticator.forget(f"{name}:{self.name}".encode())
            end.close()
        self._ends.clear()
        self._commands = None
        self._lost += self.outbox.clear()

    def statistics(self) -> Statistics:
        """What has been moved so far."""
        return Statistics(self._batches_in, self._batches_out, self.outbox.size, self._lost)


_KINDS = {"commands": zmq.ROUTER, "events": zmq.XPUB, "emits": zmq.SUB}


def queue_length(largest: int) -> int:
    """How many batches may wait in a queue of commands where one has at most `largest` bytes."""
    return min(limits.LONGEST_QUEUE, max(limits.LEAST_QUEUE, limits.QUEUE_BYTES // largest))


def _is_socket(path: str) -> bool:
    """Whether `path` is a socket itself, not a link to one."""
    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return False


def _raw_frames(socket: zmq.Socket[bytes]) -> list[Raw]:
    """The frames behind the first, without a copy; one too many is the last that is read."""
    frames: list[Raw] = []
    more = True
    while more and len(frames) <= limits.FRAMES:
        frame = socket.recv(_DONTWAIT, copy=False)
        frames.append(frame.buffer)
        more = frame.more
    return frames


def _send_raw(socket: zmq.Socket[bytes], first: bytes, frames: Sequence[Raw]) -> None:
    """Send the rest of a message, whose first frame was taken: so is this."""
    socket.send(first, _MORE)
    for frame in frames[:-1]:
        socket.send(frame, _MORE, copy=len(frame) < limits.UNCOPIED)
    socket.send(frames[-1], _DONTWAIT, copy=len(frames[-1]) < limits.UNCOPIED)


def _only_frame(socket: zmq.Socket[bytes]) -> bytes:
    """One message, which must be one frame. The first of several gets a byte in front that no valid frame has, and the
    rest is not read: there may be millions of them, and the breach that follows ends the reading.
    """
    frame = socket.recv(_DONTWAIT)
    return b"\xff" + frame[:60] if socket.get(_RCVMORE) else frame
