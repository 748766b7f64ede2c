"""One worker's gate: whatever it says passes here, is decided, and is handed on or refused.

Knows no socket and no process: a link moves the frames, `conversation` says what may come, `authority` who may do
what, the dispatcher runs commands, the bus carries events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import isinf
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from stockade import limits
from stockade.config.specs import WorkerLimits
from stockade.core.commands.caller import Caller
from stockade.core.event_gate import EventGate
from stockade.core.events.subscriptions import Subscriptions
from stockade.core.policy.authority import Act, Authority
from stockade.core.policy.quota import Rate
from stockade.core.refusals import Refusals
from stockade.core.replies import Replies, last_words
from stockade.core.wire import codec
from stockade.core.wire.conversation import (
    Call,
    Conversation,
    Happening,
    Hello,
    Leaving,
    Ready,
    Reply,
    State,
)
from stockade.core.wire.topics import EventFrame
from stockade.errors import Breach, BreachCode, Code, CommandError

if TYPE_CHECKING:
    from stockade.core.commands.dispatch import Dispatcher, Running
    from stockade.core.commands.registry import Command
    from stockade.core.events.bus import Bus
    from stockade.core.link import Link

__all__ = ["Gate", "House", "Owner", "Statistics"]


class Owner(Protocol):
    """Who is told how a worker's conversation goes."""

    def greeted(self, gate: Gate) -> None:
        """It was welcomed."""

    def ready(self, gate: Gate) -> None:
        """It says that it is ready."""

    def left(self, gate: Gate) -> None:
        """Its bye was answered."""

    def lost(self, gate: Gate, breach: Breach) -> None:
        """One of its connections has ended: with its process, or by this breach."""

    def ended(self, gate: Gate, breach: Breach) -> None:
        """It broke the protocol and is to be killed."""


@attrs.frozen
class House:
    """What all gates share."""

    loop: asyncio.AbstractEventLoop
    authority: Authority
    commands: Mapping[str, Command]
    dispatcher: Dispatcher
    bus: Bus
    owner: Owner


@attrs.frozen
class Statistics:
    """What went through a gate so far."""

    calls: int
    in_flight: int
    emits: int
    events: int
    events_dropped: int
    subscriptions: int
    refusals: dict[str, int]


@attrs.define(eq=False)
class Gate:
    """One generation of one worker; made with its limits, given its link by `open`."""

    _house: House
    label: str
    generation: int
    _limits: WorkerLimits
    refusals: Refusals
    conversation: Conversation = attrs.field(init=False)
    _link: Link = attrs.field(init=False)
    _events: EventGate = attrs.field(init=False)
    _replies: Replies = attrs.field(init=False)
    _callers: dict[str, Caller] = attrs.field(factory=dict)
    _running: dict[int, Running] = attrs.field(factory=dict)
    _weight: int = 0  # bytes of each message of that batch, about
    _messages: Iterator[Any] = attrs.field(factory=lambda: iter(()))  # of the batch that is being handled
    _heavy: dict[int, int] = attrs.field(factory=dict)  # large calls in flight: id -> bytes
    _heavy_bytes: int = 0
    _rate: Rate | None = None  # where its calls have one
    _leaving: Leaving | None = None
    _leave_timer: asyncio.TimerHandle | None = None
    breach: Breach | None = None
    _gone: bool = False  # its process has ended: what it emitted is still handled, nothing else
    _over: bool = False  # nothing is

    def __attrs_post_init__(self) -> None:
        self.conversation = Conversation(self._limits.calls)
        if not isinf(self._limits.rate):
            self._rate = Rate(self._limits.rate)

    @property
    def name(self) -> str:
        """Label and generation: ``editor@3``."""
        return f"{self.label}@{self.generation}"

    @property
    def is_over(self) -> bool:
        """Whether nothing that it says is handled any more: its bye was answered, or it broke the protocol."""
        return self._over

    def open(self, link: Link) -> None:
        """Hear events and be heard, through `link`."""
        house = self._house
        self._link = link
        self._replies = Replies(self._limits, link.outbox, self.refusals)
        self._events = EventGate(
            house.loop,
            house.authority,
            house.bus,
            link,
            self.label,
            self.generation,
            self.refusals,
            Subscriptions(self._limits.topics),
            self.say,
            self.end,
        )
        house.bus.attach(self.label, self)

    # -- the commands socket ------------------------------------------------------------------------------------------

    def on_batch(self, frame: bytes, more: bool) -> None:
        """Handle a batch, message by message; the first breach in it ends the worker."""
        if self._over or self._gone:
            return
        begin = monotonic()
        try:
            if more:
                raise Breach(BreachCode.BAD_FRAME, "several frames, where a batch is one")
            if len(frame) > self._limits.message:
                raise Breach(BreachCode.TOO_LARGE, f"a batch of {len(frame)} bytes, over {self._limits.message}")
            batch = self.conversation.open(frame)
        except Breach as breach:
            self.end(breach)
            return
        self._weight = len(frame) // len(batch)
        self._messages = iter(batch)
        took = monotonic() - begin
        if took > limits.SLOW_FRAME:
            # One frame of 16 MiB may take seconds to decode. Whoever sends such ones gets half of the loop at most.
            self._link.suspend()
            self._house.loop.call_later(took, self._go_on)
        else:
            self._handle()

    def _handle(self) -> None:
        """Handle the batch, as far as a turn goes; the rest has to wait for the others."""
        take, end = self.conversation.take, monotonic() + limits.TURN_SECONDS
        try:
            for message in self._messages:
                happening = take(message)
                if happening is not None:
                    _HANDLERS[type(happening)](self, happening)
                if monotonic() > end:
                    self._link.suspend()
                    self._house.loop.call_soon(self._go_on)
                    return
        except Breach as breach:
            self.end(breach)
            return
        if self._heavy_bytes > limits.IN_FLIGHT * self._limits.message:
            self._link.suspend()  # until one is answered
        else:
            self._link.proceed()

    def _go_on(self) -> None:
        if not self._over and not self._gone:
            self._handle()

    def _hello(self, hello: Hello) -> None:
        self.say(self._replies.welcome(self.label, self.generation, self._house.authority.grants(self.label)))
        self._link.listen()
        self._house.owner.greeted(self)

    def _ready(self, _: Ready) -> None:
        self._house.owner.ready(self)

    def _reply(self, reply: Reply) -> None:
        if reply.message[0] == "error":
            error = reply.message[2]
            self.refusals.count(Act.CALL, "?", error["code"], error["message"])
        self.say(reply.message)

    def _call(self, call: Call) -> None:
        if self._rate is not None and (wait := self._rate.take(monotonic())):
            self._answer(call, None, _too_fast(self._limits.rate, wait))
            return
        caller = self._callers.get(call.command) or self._admitted(call)
        if caller is None:
            return
        running = self._house.dispatcher.dispatch(
            caller, self._house.commands[call.command], call.arguments, partial(self._answer, call)
        )
        if running is not None:
            self._running[call.id] = running
            if self._weight > limits.HEAVY:
                self._heavy[call.id] = self._weight
                self._heavy_bytes += self._weight

    def _admitted(self, call: Call) -> Caller | None:
        """The caller of a command that policy allows, remembered; None after answering one that it does not."""
        decision = self._house.authority.decide(self.label, Act.CALL, call.command)
        if not decision.allowed:
            self._answer(call, None, decision.refusal())
            return None
        scope = self._house.authority.scope(self.label, call.command)
        caller = self._callers[call.command] = Caller(self.label, self.generation, call.command, scope)
        return caller

    def _answer(self, call: Call, value: Any, error: CommandError | None) -> None:
        """End a call with its value or its error; too late, it is for nobody."""
        self._running.pop(call.id, None)
        if call.id in self._heavy:
            self._heavy_bytes -= self._heavy.pop(call.id)
            self._house.loop.call_soon(self._go_on)
        if self._over or self._gone or not self.conversation.answer(call.id):
            return
        self._link.post(self._replies.result(call, value) if error is None else self._replies.error(call, error))
        if self._leaving is not None:
            self._leave_when_done()

    def say(self, message: list[Any]) -> None:
        """Send a message of the core's own making."""
        if not self._over:
            self._link.post(codec.encode(message))

    # -- the other two sockets ----------------------------------------------------------------------------------------

    def on_subscription(self, frame: bytes) -> None:
        """A frame of the events socket."""
        if not self._over:
            self._events.on_subscription(frame)

    def on_emit(self, frame: bytes) -> None:
        """A frame of the emits socket: also one that a process has left behind."""
        if not self._over:
            self._events.on_emit(frame)

    def hear(self, frame: EventFrame) -> None:
        """An event that somebody has emitted."""
        if not self._over:
            self._events.hear(frame)

    # -- the end ------------------------------------------------------------------------------------------------------

    def on_turn(self) -> None:
        """A turn of reading is over."""
        self._events.tell_missed()
        if self._leaving is not None:
            self._leave_when_done()

    def _bye(self, leaving: Leaving) -> None:
        self._leaving = leaving
        self._leave_timer = self._house.loop.call_later(limits.LEAVE, self._leave)

    def _leave_when_done(self) -> None:
        leaving = self._leaving
        if leaving is not None and self._events.emits >= leaving.emitted and not self.conversation.in_flight:
            self._leave()

    def _leave(self) -> None:
        if self._leave_timer is None or self._over:
            return
        self._leave_timer.cancel()
        self._leave_timer = None
        self.cancel_calls()
        self._leaving = None
        self.say(["bye", {"emitted": self._events.emits}])
        self._house.owner.left(self)  # before the worker can hear it, and end
        self._link.flush()
        self.close()
        if not self._link.outbox:
            self._link.mute()

    def on_lost(self, where: str, made: bool) -> None:
        """A connection has ended. The owner finds out whether the process has, too."""
        if self._over or self.conversation.state is State.LEFT:
            return
        if made:
            reason = f"its {where} socket was closed, or sent what is over the limit"
            breach = Breach(BreachCode.CONNECTION_LOST, reason)
        else:
            breach = Breach(BreachCode.AUTHENTICATION, f"its {where} socket did not complete the handshake of PLAIN")
        self._house.owner.lost(self, breach)

    def end(self, breach: Breach) -> None:
        """End the worker for a breach: say so, stop reading it, cancel its calls."""
        if self._over:
            return
        self.breach = breach
        self.say(last_words(breach))
        self._link.flush()
        self._link.mute()
        self.close()
        self._house.owner.ended(self, breach)

    def go(self) -> None:
        """Its process has ended: cancel its calls, and handle nothing more but what it has emitted."""
        self._gone = True
        self._house.bus.detach(self.label, self)
        self.cancel_calls()

    def close(self) -> None:
        """Cancel the calls and handle nothing more. The link is its owner's to close."""
        self._over = True
        self._house.bus.detach(self.label, self)
        if self._leave_timer is not None:
            self._leave_timer.cancel()
        self.cancel_calls()

    def cancel_calls(self) -> None:
        """Cancel every call in flight; each is answered `cancelled` if the worker can still hear it."""
        for running in list(self._running.values()):
            running.cancel()

    def statistics(self) -> Statistics:
        """What went through so far."""
        talk, events = self.conversation.statistics(), self._events.statistics()
        return Statistics(talk.calls, talk.in_flight, refusals=self.refusals.by_reason(), **attrs.asdict(events))


def _too_fast(per_second: float, wait: int) -> CommandError:
    return CommandError(Code.BUSY, f"{per_second:g} calls per second are the limit", {"retry_after_ms": wait})


_HANDLERS: dict[type[Happening], Callable[[Gate, Any], None]] = {
    Call: Gate._call,
    Reply: Gate._reply,
    Hello: Gate._hello,
    Ready: Gate._ready,
    Leaving: Gate._bye,
}
