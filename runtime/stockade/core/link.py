"""One worker's link: the ROUTER, XPUB and SUB that the core connects to the three sockets of one generation.

Moves frames, never reads one: what they mean is the gate's. docs/protocol.md, sections 1 to 3.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import attrs
import zmq

from stockade import limits
from stockade.core import ends
from stockade.core.ends import DONTWAIT, MORE, RCVMORE, WORKER, End, only_frame, raw_frames, send_raw, sender
from stockade.core.outbox import Laden, Outbox
from stockade.core.turns import EVENTS, POLLIN, POLLOUT, Turns
from stockade.core.wire.happenings import Raw
from stockade.core.zap import Authenticator, Expected

__all__ = ["Link", "Receiver", "Statistics"]


class Receiver(Protocol):
    """Whom a link brings what it has received. Nothing is brought any more after `Link.close`."""

    def on_batch(self, frame: bytes, frames: Sequence[Raw]) -> bytes | Laden | None:
        """A message on the commands socket: its first frame and the raw ones behind it.

        Of more than a message may have, one too many is given, and nobody will read the rest. Returns the encoded
        message that answers it, where nothing else is to be said to it; else what is, is posted.
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
    _ends: dict[str, End] = attrs.field(factory=dict)
    _look: asyncio.TimerHandle | None = None
    _looks: int = 0
    _refused_connects: int = 0
    _commands: zmq.Socket[bytes] | None = None
    _send_one: Callable[[bytes, int], Any] = attrs.field(init=False)  # of commands, once it is there
    _send_event: Callable[[bytes, int], Any] = attrs.field(init=False)  # of events, once they are listened to
    _event_turns: Turns = attrs.field(init=False)
    _flush: asyncio.Handle | None = None
    _in_turn: bool = False  # its end will flush
    _held: bool = False  # the worker is not read, because it does not read its answers
    _suspended: bool = False  # commands are not read, because the last ones are still being handled
    _gathers: bool = False  # what is to be said to them is sent together, while it is little
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
        for name in ends.KINDS:
            if name not in self._ends and ends.is_there(f"{self._directory}/{name}"):
                self._connect(name)
        if len(self._ends) < len(ends.KINDS):
            # Workers bind within a tenth of a second; one that takes seconds can wait for some milliseconds more.
            pause = limits.LOOK if self._looks < 1000 else 10 * limits.LOOK
            self._look = self._loop.call_later(pause, self.look)

    def _connect(self, name: str) -> None:
        domain = f"{name}:{self.name}".encode()
        self._authenticator.expect(domain, self._admit)
        socket = ends.make(self._context, name, domain, self._largest)
        monitor = ends.monitored(self._context, socket)
        end = End(name, socket, monitor, Turns(self._loop, monitor, lambda: self._monitored(end)))
        self._ends[name] = end
        socket.connect(f"ipc://{self._directory}/{name}")
        if name == "commands":
            self._commands, self._send_one = socket, sender(socket)
            end.turns = Turns(self._loop, socket, self._take_batch, self._after_turn, self._spin)
        elif self._listening:
            self._attach(end)

    def _monitored(self, end: End) -> None:
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

    def _attach(self, end: End) -> None:
        take = self._take_subscription if end.name == "events" else self._take_emit
        end.turns = Turns(self._loop, end.socket, take, self._after_other_turn)
        if end.name == "events":
            self._send_event, self._event_turns = sender(end.socket), end.turns
        if self._held:
            end.turns.pause()

    def _take_batch(self) -> None:
        self._in_turn = True
        socket = self._commands
        if socket is None:
            return
        socket.recv(DONTWAIT)  # the routing id, our own word for the only peer
        frame = socket.recv(DONTWAIT)
        self._batches_in += 1
        answer = self._receiver.on_batch(frame, raw_frames(socket) if socket.get(RCVMORE) else ())
        if answer is not None:
            self._answer(socket, answer)

    def _take_subscription(self) -> None:
        self._receiver.on_subscription(only_frame(self._ends["events"].socket))

    def _take_emit(self) -> None:
        self._receiver.on_emit(only_frame(self._ends["emits"].socket))

    def _after_turn(self) -> bool:
        self._in_turn = False
        self._receiver.on_turn()
        return not (self._gathers and self._is_little()) and self._send_waiting()

    def _after_other_turn(self) -> bool:
        self._receiver.on_turn()
        self.flush()
        return False

    # -- sending ------------------------------------------------------------------------------------------------------

    def post(self, part: bytes | Laden) -> None:
        """Send an encoded message with the next batch: when this turn is over, or the loop's next round begins."""
        self.outbox.put(part)
        if self._flush is None and not self._in_turn and not self._closed:
            self._flush = self._loop.call_soon(self._flush_soon)

    def _flush_soon(self) -> None:
        self._flush = None
        self.flush_unless_gathering()

    def gather(self, more: bool) -> None:
        """Whether a batch is handled in part, so that more is about to be said of it, in the loop's next round.

        Batches make many calls cheap, and a turn is much shorter than the time in which a large one is handled.
        """
        self._gathers = more

    def flush_unless_gathering(self) -> None:
        """Send what has gathered, if no more is to come, or it is enough."""
        if not (self._gathers and self._is_little()):
            self.flush()

    def _is_little(self) -> bool:
        return self.outbox.size < limits.GATHERED

    def _answer(self, socket: zmq.Socket[bytes], part: bytes | Laden) -> None:
        """Send this message now, in a batch of its own, if nothing waits before it: in a turn its end will flush."""
        if self.outbox.size or self._no_room or type(part) is not bytes:
            self.outbox.put(part)
            return
        send = self._send_one
        try:
            send(WORKER, MORE)
        except zmq.ZMQError:
            self.outbox.put(part)  # no room, or nobody there: `flush` will see which
            return
        send(b"\x81" + part, DONTWAIT)
        self._batches_out += 1

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
        outbox, send, self._no_room = self.outbox, self._send_one, False
        try:
            while outbox.size:
                # Without asking for room before: that would cost each call 1.4 µs, and its lack is rare. The first
                # frame is refused or the message taken whole, so nothing has left the outbox when there is none.
                send(WORKER, MORE)
                first, frames = outbox.batch()
                if frames:
                    send_raw(socket, first, frames)
                else:
                    send(first, DONTWAIT)
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
        """Send an event to a worker that has been granted its topic; False if it has no room for it."""
        try:
            self._send_event(frame, DONTWAIT)
        except zmq.Again:
            return False
        if self._event_turns.again is None:  # asked here: a hundred listeners, and sending to each takes 0.4 µs
            self._event_turns.look()
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
