"""One worker's side of the conversation: what it may say, what it awaits, what the core's messages mean.

Frames go in and come out; it knows no socket, clock, thread or event loop. `now` is in seconds of a clock that never
goes back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, NoReturn

from stockade_frontend import brief
from stockade_frontend.calls import Calls
from stockade_frontend.channels import Channels
from stockade_frontend.errors import Breached, CommandError, ConnectionLost, CoreBroken, NotAllowed, Refused, TooLarge
from stockade_frontend.events import Inbox, check_event, emit_of, read_event
from stockade_frontend.grants import Grant, Grants
from stockade_frontend.handled import Handled, HandledCalls
from stockade_frontend.messages import BATCH, PROTOCOL, Limits, Said, ShapeError, Welcome, read
from stockade_frontend.outbox import Outbox
from stockade_frontend.pending import Pending
from stockade_frontend.raw import Frames, Raw
from stockade_frontend.statistics import Statistics
from stockade_frontend.timers import Timers
from stockade_frontend.wire import DEPTH, DecodeError, decode, encode

__all__ = ["Session", "State"]


_NO_OPTIONS: dict[str, Any] = {}


class State(Enum):
    """Where the conversation stands, as this side sees it."""

    BORN = "born"
    GREETING = "greeting"  # hello is said, the answer awaited
    OPEN = "open"
    LEAVING = "leaving"  # bye is said, the answer awaited
    LEFT = "left"


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
        self.timers = Timers()
        #: What was answered beside `receive`, and whose waiters do not know yet: `wake` returns it.
        self.answered: list[Pending] = []
        self.channels = Channels(self.outbox, self.answered)
        self.calls = Calls(label, self.outbox, self.channels, self.timers, self.answered)
        self.handled = HandledCalls(label, self.outbox, self.channels, self.timers)
        #: Ask for a command: `Calls.call`, under a name of its own because it is on the way of every call.
        self.call = self.calls.call
        self.limits = Limits(0, 0, 1, 0, 0, DEPTH, 0, 0)
        self.grants = Grants(Grant(".", (), ()), Grant("/", (), ()), Grant("/", (), ()))
        #: The core has asked this worker to finish, within so many milliseconds.
        self.stopping = False
        self.grace: int | None = None
        #: Whether `ready` has been said.
        self.is_ready = False
        #: Events that this worker has emitted, and, once it has left, those that the core has handled.
        self.emitted = 0
        self.emits_handled: int | None = None
        self._stub = stub
        self._hello = Pending("hello")
        self._bye = Pending("bye")
        self._flight = self.calls.flight
        self._frames = Frames(())
        self._now = 0.0
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
        """Say, once, that this worker has set up what it needs, and what it exports."""
        if not self.is_ready:
            self.is_ready = True
            exports = self.handled.said()
            self.outbox.put(encode(["ready", {"exports": exports}] if exports else ["ready"]))

    def cancel(self, pending: Pending, error: CommandError) -> None:
        """Nobody waits for this call any more: it ends here, with this error."""
        self.calls.cancel(pending, error)

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

    def prepare_emit(self, name: str, payload: Any, to: str | None, trace: str | None = None) -> tuple[bytes, bytes]:
        """Check and encode an event: what stands before and behind its number. Raises ValueError, NotAllowed,
        TooLarge or EncodeError.
        """
        check_event(name)
        if not self.grants.emit.allows(name):
            raise NotAllowed(f"{self.label} may not emit {name!r} (its grants say so; nothing was sent)")
        before, behind = emit_of(name, payload, to, trace, self.limits.depth)
        size = len(before) + 9 + len(behind)
        if size > self.limits.event:
            raise TooLarge(f"{size} bytes, where an event may have {self.limits.event} (nothing was sent)")
        return before, behind

    def number_emit(self, prepared: tuple[bytes, bytes]) -> bytes:
        """The frame of a prepared event, as the next one; `emitted` is to be raised when it has gone."""
        before, behind = prepared
        return before + encode(self.emitted + 1) + behind

    def bye(self) -> Pending:
        """Take leave. Nothing more may be said; the answer is the end."""
        self.calls.close()
        self.channels.close_all()
        self.state = State.LEAVING
        self.outbox.put(encode(["bye", {"emitted": self.emitted}]))
        return self._bye

    def unanswered(self) -> list[Pending]:
        """What is asked and awaits its answer: calls, pings, subscriptions, changes of channels."""
        asked = [one for asked in self._asked.values() for one in asked]
        return [*self.calls.unanswered(), *self._pings.values(), *asked, *self.channels.waiting()]

    def statistics(self) -> Statistics:
        """The counts until now."""
        return Statistics(
            calls=self.calls.last,
            answered=self.calls.answered,
            late=self.calls.late,
            tries=self.calls.tries,
            pending=len(self._flight),
            handled=self.handled.count,
            channels=len(self.channels),
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

    def receive(self, frame: bytes, now: float = 0.0, raw: Sequence[Raw] = ()) -> list[Pending]:
        """One message of the commands socket, a frame and the raw ones behind it: what it has answered, in order.

        Raises `Ended` if it ends all.
        """
        if not raw and self.state is State.OPEN and (alone := self.calls.answered_alone(frame)) is not None:
            return [alone]
        try:
            batch = brief.read(frame) or decode(frame)
        except DecodeError as error:
            raise CoreBroken(f"a frame that cannot be read: {error}") from None
        if type(batch) is not list or not 1 <= len(batch) <= BATCH:
            raise CoreBroken(f"a frame that is no batch of 1 to {BATCH} messages")
        self._now = now
        if raw:
            self._frames = Frames(raw)
        answered: list[Pending] = []
        calls, flight = self.calls, self._flight
        is_open = self.state is State.OPEN
        for message in batch:
            try:
                # The one message that comes often: 256 calls in flight go through these lines 60,000 times a second.
                verb, ident, value = message
                if is_open and verb == "result" and type(ident) is int:
                    pending = flight.pop(ident)
                    calls.answered += 1
                    if pending.done:
                        calls.late += 1
                    else:
                        pending.done, pending.value = True, value
                        answered.append(pending)
                    continue
            except (TypeError, ValueError, LookupError):
                pass  # whatever it is, or is wrong with it: the table knows
            self._receive_one(message)
            if self.answered:
                answered += self._take_answered()
            is_open = self.state is State.OPEN
        if raw:
            self._frames.check_all_taken()
        if calls.held:
            calls.admit(now)
        if self.answered:
            answered += self._take_answered()
        return answered

    def wake(self, now: float) -> list[Pending]:
        """See to what is due by now (`timers` says when there is something): what has been answered since."""
        for thing in self.timers.due(now):
            if isinstance(thing, Pending):
                self.calls.look(thing, now)
            elif isinstance(thing, Handled):
                self.handled.expire(thing)
                self.calls.cancel_nested(thing)
        self.calls.admit(now)
        return self._take_answered()

    def _take_answered(self) -> list[Pending]:
        answered = self.answered[:]
        self.answered.clear()
        return answered

    def _receive_one(self, message: Any) -> None:
        try:
            verb, elements = read(message)
        except ShapeError as error:
            raise CoreBroken(str(error)) from None
        handle = _MAY_COME[self.state].get(verb)
        if handle is None:
            raise CoreBroken(f"{verb!r} when the conversation is {self.state.value}")
        answered = handle(self, *elements)
        if answered is not None:
            self.answered.append(answered)

    def _welcome(self, welcome: Welcome) -> Pending:
        if (welcome.worker, welcome.generation) != (self.label, self.generation):
            raise CoreBroken(f"a welcome for {welcome.worker}@{welcome.generation}")
        self.limits, self.grants = limits, _ = welcome.limits, welcome.grants
        self.calls.open(limits, welcome.grants.commands)
        self.channels.limit, self.channels.size, self.channels.depth = limits.channels, limits.message, limits.depth
        self.handled.size, self.handled.depth = limits.message, limits.depth
        self.outbox.messages, self.outbox.size = welcome.limits.batch, welcome.limits.message
        self.state = State.OPEN
        return self._hello.answer()

    def _refused(self, error: CommandError) -> NoReturn:
        raise Refused(f"the core refused this worker: {error}")

    def _result(self, ident: int, value: Any, options: dict[str, Any] = _NO_OPTIONS) -> Pending | None:
        pending = self._answered_call(ident)
        if options:
            value = self._frames.of(value, options)
        if pending.done:
            self.calls.late += 1
            return None
        if type(value) is memoryview and (pending.asking is None or not pending.asking.view):
            value = bytes(value)
        return pending.answer(value)

    def _error(self, ident: int, error: CommandError) -> Pending | None:
        return self.calls.failed(self._answered_call(ident), error, self._now)

    def _answered_call(self, ident: int) -> Pending:
        pending = self._flight.pop(ident, None)
        if pending is None:
            raise CoreBroken(f"an answer to call {ident}, which was never made or has been answered")
        self.calls.answered += 1
        return pending

    def _call(self, ident: int, command: str, arguments: dict[str, Any], said: Said | None = None) -> None:
        self.handled.call(ident, command, arguments, said, self._frames, self._now)

    def _cancel(self, ident: int) -> None:
        handled = self.handled.cancel(ident)
        if handled is not None:
            self.calls.cancel_nested(handled)

    def _item(self, channel: int, value: Any, options: dict[str, Any] = _NO_OPTIONS) -> None:
        self.channels.item(channel, self._frames.of(value, options) if options else value)

    def _end(self, channel: int, error: CommandError | None = None) -> None:
        self.channels.ended(channel, error)

    def _credit(self, channel: int, count: int) -> None:
        self.channels.credit(channel, count)

    def _drop(self, channel: int) -> None:
        self.channels.dropped(channel)

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

    def _too_late(self, *_: Any) -> None:
        """Behind `bye` nothing may be said; the core knows what a worker leaves unanswered."""

    def _pong(self, number: int) -> Pending | None:
        pending = self._pings.pop(number, None)
        return None if pending is None else pending.answer()

    def _stop(self, grace: int) -> None:
        self.stopping = True
        self.grace = grace

    def _farewell(self, handled: int) -> Pending:
        self.emits_handled = handled
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
    "call": Session._call,
    "cancel": Session._cancel,
    "item": Session._item,
    "end": Session._end,
    "credit": Session._credit,
    "drop": Session._drop,
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
    State.LEAVING: {
        **_OPEN,
        # Calls that come now are not taken, so neither are the channels that they open known: nothing of any is.
        **dict.fromkeys(("ping", "call", "cancel", "item", "end", "credit", "drop"), Session._too_late),
        "bye": Session._farewell,
    },
    State.LEFT: {},
}
