"""One worker's side of the conversation: what it may say, what it awaits, what the core's messages mean.

Frames go in and come out; it knows no socket, clock, thread or event loop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple, NoReturn

from stockade_frontend.errors import (
    Breached,
    Busy,
    CommandError,
    ConnectionLost,
    CoreBroken,
    NotAllowed,
    Refused,
    TooLarge,
)
from stockade_frontend.events import Inbox, is_event, read_event
from stockade_frontend.grants import Grant, Grants
from stockade_frontend.messages import BATCH, PROTOCOL, Limits, ShapeError, Welcome, read
from stockade_frontend.messages import call as encode_call
from stockade_frontend.outbox import LARGEST_HEAD, Outbox
from stockade_frontend.pending import Pending
from stockade_frontend.wire import DEPTH, DecodeError, decode, encode

__all__ = ["Session", "State", "Statistics"]


class State(Enum):
    """Where the conversation stands, as this side sees it."""

    BORN = "born"
    GREETING = "greeting"  # hello is said, the answer awaited
    OPEN = "open"
    LEAVING = "leaving"  # bye is said, the answer awaited
    LEFT = "left"


class Statistics(NamedTuple):
    """What one connection has done until now. Counts, but for `pending`, the calls in flight."""

    calls: int
    answered: int
    late: int  # answers to calls that had been given up; they were ignored
    pending: int
    batches: int
    emitted: int
    events: int  # received from the core
    waiting: int  # received, and not yet handled
    missed: int
    pings: int  # answered


class Session:
    """The worker's side of one link. `queue` bounds the events that wait for their handlers.

    What asks returns a `Pending`; `receive` returns those that a frame has answered. Methods raise the CommandError
    that the core would answer with, as far as it can be known here, and `Ended` when the conversation is over.
    """

    def __init__(self, label: str, generation: int, stub: str, queue: int) -> None:
        self.label = label
        self.generation = generation
        self.state = State.BORN
        self.outbox = Outbox()
        self.inbox = Inbox(queue)
        self.limits = Limits(0, 0, 1, 0, 0, DEPTH)
        self.grants = Grants(Grant(".", (), ()), Grant("/", (), ()), Grant("/", (), ()))
        #: The core has asked this worker to finish, within so many milliseconds.
        self.stopping = False
        self.grace: int | None = None
        #: Whether `ready` has been said.
        self.is_ready = False
        #: Events that this worker has emitted, and, once it has left, those that the core has handled.
        self.emitted = 0
        self.handled: int | None = None
        self._stub = stub
        self._hello = Pending("hello")
        self._bye = Pending("bye")
        self._calls: dict[int, Pending] = {}
        self._last_id = 0
        self._answered = 0
        self._late = 0
        self._pings: dict[int, Pending] = {}
        self._last_ping = 0
        self._pings_answered = 0
        #: Subscriptions that await their answers, by topic; one topic may have been asked for, dropped, asked again.
        self._asked: dict[str, deque[Pending]] = {}

    # -- what this worker says ------------------------------------------------------------------------------------

    def hello(self) -> Pending:
        """Begin. The answer's value is None; `limits` and `grants` hold from then on."""
        self.state = State.GREETING
        self.outbox.put(encode(["hello", {"protocol": PROTOCOL, "stub": self._stub}]))
        return self._hello

    def ready(self) -> None:
        """Say, once, that this worker has set up what it needs."""
        if not self.is_ready:
            self.is_ready = True
            self.outbox.put(encode(["ready"]))

    def call(self, command: str, arguments: dict[str, Any]) -> Pending:
        """Ask for a command. Raises NotAllowed, Busy, TooLarge or EncodeError before anything is sent."""
        if not self.grants.commands.allows(command):
            raise NotAllowed(f"{self.label} may not call {command!r} (its grants say so; nothing was sent)")
        if len(self._calls) >= self.limits.calls:
            raise Busy(f"{len(self._calls)} calls are in flight, and no more are taken (nothing was sent)")
        ident = self._last_id + 1
        # A batch and a call stand around the arguments: two of the containers that may stand within each other.
        message = encode_call(ident, command, arguments, self.limits.depth - 2)
        self._fits(len(message) + LARGEST_HEAD, "a message", self.limits.message)
        self._last_id = ident
        self.outbox.put(message)
        pending = self._calls[ident] = Pending(ident)
        return pending

    def give_up(self, pending: Pending) -> None:
        """Nobody waits for this call any more: its answer is to be counted and ignored."""
        pending.given_up = True

    def ping(self) -> Pending:
        """Ask whether the core is there."""
        self._last_ping += 1
        self.outbox.put(encode(["ping", self._last_ping]))
        pending = self._pings[self._last_ping] = Pending(self._last_ping)
        return pending

    def subscribe(self, topic: str) -> Pending:
        """This worker is about to subscribe to `topic`, with its bar or slash. Raises NotAllowed or Busy."""
        grant = self.grants.listen
        if not (grant.covers(topic) if topic[-1] == "/" else grant.allows(topic[:-1])):
            name = topic.removesuffix("|")
            raise NotAllowed(f"{self.label} may not listen to {name!r} (its grants say so; nothing was sent)")
        pending = Pending(topic)
        self._asked.setdefault(topic, deque()).append(pending)
        return pending

    def prepare_emit(self, name: str, payload: Any, to: str | None) -> tuple[bytes, bytes]:
        """Check and encode an event: what stands before and behind its number. Raises ValueError, NotAllowed,
        TooLarge or EncodeError.
        """
        if not is_event(name):
            raise ValueError(f"{name!r} is no event's name: 1 to 128 of A-Z a-z 0-9 _ / : . -, no slash at the end")
        if not self.grants.emit.allows(name):
            raise NotAllowed(f"{self.label} may not emit {name!r} (its grants say so; nothing was sent)")
        body = encode(payload, self.limits.depth - 1)
        if to is None:
            before, behind = name.encode() + b"|\x82", body
        else:
            before, behind = name.encode() + b"|\x83", body + encode({"to": to})
        self._fits(len(before) + 9 + len(behind), "an event", self.limits.event)
        return before, behind

    def number_emit(self, prepared: tuple[bytes, bytes]) -> bytes:
        """The frame of a prepared event, as the next one; `emitted` is to be raised when it has gone."""
        before, behind = prepared
        return before + encode(self.emitted + 1) + behind

    def bye(self) -> Pending:
        """Take leave. Nothing more may be said; the answer is the end."""
        self.state = State.LEAVING
        self.outbox.put(encode(["bye", {"emitted": self.emitted}]))
        return self._bye

    def _fits(self, size: int, what: str, limit: int) -> None:
        if size > limit:
            raise TooLarge(f"{size} bytes, where {what} may have {limit} (nothing was sent)")

    def unanswered(self) -> list[Pending]:
        """What is asked and awaits its answer: calls, pings, subscriptions."""
        return [*self._calls.values(), *self._pings.values(), *(one for asked in self._asked.values() for one in asked)]

    def statistics(self) -> Statistics:
        """The counts until now."""
        return Statistics(
            calls=self._last_id,
            answered=self._answered,
            late=self._late,
            pending=len(self._calls),
            batches=self.outbox.batches,
            emitted=self.emitted,
            events=self.inbox.received,
            waiting=len(self.inbox),
            missed=self.inbox.missed,
            pings=self._pings_answered,
        )

    # -- what the core says ---------------------------------------------------------------------------------------

    def receive_event(self, frame: bytes) -> None:
        """One frame of the events socket. Raises `CoreBroken`."""
        if self.state in (State.BORN, State.GREETING):
            raise CoreBroken("an event before welcome")
        self.inbox.put(read_event(frame))

    def receive_subscription(self, frame: bytes) -> bool:
        """One frame of the emits socket: whether the core now takes emits. Raises `ConnectionLost` when it has gone."""
        if frame == b"\x01":
            return True
        if frame == b"\x00":  # XPUB says so of itself when the last peer has gone
            raise ConnectionLost("the core closed its connection")
        raise CoreBroken("a subscription to some of the emits")

    def receive(self, frame: bytes) -> list[Pending]:
        """One frame of the commands socket: what it has answered, in order. Raises `Ended` if it ends all."""
        try:
            batch = decode(frame)
        except DecodeError as error:
            raise CoreBroken(f"a frame that cannot be read: {error}") from None
        if type(batch) is not list or not 1 <= len(batch) <= BATCH:
            raise CoreBroken(f"a frame that is no batch of 1 to {BATCH} messages")
        answered: list[Pending] = []
        is_open = self.state is State.OPEN
        for message in batch:
            try:
                verb, ident = message[0], message[1]
                # The one message that comes often: 256 calls in flight go through these lines 60,000 times a second.
                if is_open and verb == "result" and type(ident) is int:
                    pending, value = self._calls.pop(ident), message[2]
                    self._answered += 1
                    if pending.given_up:
                        self._late += 1
                    else:
                        pending.done, pending.value = True, value
                        answered.append(pending)
                    continue
            except (TypeError, LookupError):
                pass  # whatever it is, or is wrong with it: the table knows
            found = self._receive_one(message)
            if found is not None:
                answered.append(found)
            is_open = self.state is State.OPEN
        return answered

    def _receive_one(self, message: Any) -> Pending | None:
        try:
            verb, elements = read(message)
        except ShapeError as error:
            raise CoreBroken(str(error)) from None
        handle = _MAY_COME[self.state].get(verb)
        if handle is None:
            raise CoreBroken(f"{verb!r} when the conversation is {self.state.value}")
        return handle(self, *elements)

    def _welcome(self, welcome: Welcome) -> Pending:
        if (welcome.worker, welcome.generation) != (self.label, self.generation):
            raise CoreBroken(f"a welcome for {welcome.worker}@{welcome.generation}")
        self.limits, self.grants = welcome.limits, welcome.grants
        self.outbox.messages, self.outbox.size = welcome.limits.batch, welcome.limits.message
        self.state = State.OPEN
        return self._hello.answer()

    def _refused(self, error: CommandError) -> NoReturn:
        raise Refused(f"the core refused this worker: {error}")

    def _result(self, ident: int, value: Any) -> Pending | None:
        pending = self._answered_call(ident)
        return None if pending is None else pending.answer(value)

    def _error(self, ident: int, error: CommandError) -> Pending | None:
        pending = self._answered_call(ident)
        return None if pending is None else pending.answer(None, error)

    def _answered_call(self, ident: int) -> Pending | None:
        pending = self._calls.pop(ident, None)
        if pending is None:
            raise CoreBroken(f"an answer to call {ident}, which was never made or has been answered")
        self._answered += 1
        if pending.given_up:
            self._late += 1
            return None
        return pending

    def _listening(self, topic: str) -> Pending:
        return self._answered_subscription(topic).answer()

    def _denied(self, topic: str, error: CommandError) -> Pending:
        return self._answered_subscription(topic).answer(None, error)

    def _answered_subscription(self, topic: str) -> Pending:
        asked = self._asked.get(topic)
        if asked is None:
            raise CoreBroken(f"an answer to a subscription that was never made, {topic!r}")
        pending = asked.popleft()
        if not asked:
            del self._asked[topic]
        return pending

    def _missed(self, seq: int) -> None:
        self.inbox.dropped(seq)

    def _ping(self, number: int) -> None:
        self._pings_answered += 1
        self.outbox.put(encode(["pong", number]))

    def _ping_too_late(self, number: int) -> None:
        """Behind `bye` nothing may be said."""

    def _pong(self, number: int) -> Pending | None:
        pending = self._pings.pop(number, None)
        return None if pending is None else pending.answer()

    def _stop(self, grace: int) -> None:
        self.stopping = True
        self.grace = grace

    def _farewell(self, handled: int) -> Pending:
        self.handled = handled
        self.state = State.LEFT
        return self._bye.answer()

    def _breach(self, reason: str) -> NoReturn:
        raise Breached(f"the core ends this worker, which broke the protocol: {reason}")


_Handler = Callable[..., Pending | None]
_GREETING: dict[str, _Handler] = {
    "welcome": Session._welcome,
    "refused": Session._refused,
    "breach": Session._breach,
}
_OPEN: dict[str, _Handler] = {
    "result": Session._result,
    "error": Session._error,
    "listening": Session._listening,
    "denied": Session._denied,
    "missed": Session._missed,
    "ping": Session._ping,
    "pong": Session._pong,
    "stop": Session._stop,
    "breach": Session._breach,
}
#: What the core may say, and what it does; what is not here may not come. Behind `bye` what is on its way still comes.
_MAY_COME: dict[State, dict[str, _Handler]] = {
    State.BORN: {},
    State.GREETING: _GREETING,
    State.OPEN: _OPEN,
    State.LEAVING: {**_OPEN, "ping": Session._ping_too_late, "bye": Session._farewell},
    State.LEFT: {},
}
