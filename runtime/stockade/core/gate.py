"""One worker's gate: whatever it says passes here, is decided, and is handed on or refused.

Knows no socket and no process: a link moves the frames, `conversation` says what may come, `authority` who may do
what, the dispatcher runs commands, the bus carries events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from stockade import __version__, limits
from stockade.config.specs import WorkerLimits
from stockade.core.commands.caller import Caller
from stockade.core.events.subscriptions import Subscriptions
from stockade.core.policy.authority import Act, Authority, Decision
from stockade.core.refusals import Refusals
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
    error_message,
)
from stockade.core.wire.topics import EventFrame, parse_emit, parse_subscription
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
    _subscriptions: Subscriptions = attrs.field(init=False)
    _link: Link = attrs.field(init=False)
    _callers: dict[str, Caller] = attrs.field(factory=dict)
    _running: dict[int, Running] = attrs.field(factory=dict)
    _emits: int = 0
    _events: int = 0
    _dropped: int = 0
    _missed_is_due: bool = False
    _leaving: Leaving | None = None
    _leave_timer: asyncio.TimerHandle | None = None
    breach: Breach | None = None
    _over: bool = False

    def __attrs_post_init__(self) -> None:
        self.conversation = Conversation(self._limits.calls)
        self._subscriptions = Subscriptions(self._limits.topics)

    @property
    def name(self) -> str:
        """Label and generation: ``editor@3``."""
        return f"{self.label}@{self.generation}"

    def open(self, link: Link) -> None:
        """Hear events and be heard, through `link`."""
        self._link = link
        self._house.bus.attach(self.label, self)

    # -- the commands socket ------------------------------------------------------------------------------------------

    def on_batch(self, frame: bytes, more: bool) -> None:
        """Handle a batch, message by message; the first breach in it ends the worker."""
        try:
            if more:
                raise Breach(BreachCode.BAD_FRAME, "several frames, where a batch is one")
            if len(frame) > self._limits.message:
                raise Breach(BreachCode.TOO_LARGE, f"a batch of {len(frame)} bytes, over {self._limits.message}")
            take = self.conversation.take
            for message in self.conversation.open(frame):
                happening = take(message)
                if happening is not None:
                    _HANDLERS[type(happening)](self, happening)
        except Breach as breach:
            self.end(breach)

    def _hello(self, hello: Hello) -> None:
        welcome = {
            "protocol": limits.PROTOCOL,
            "worker": self.label,
            "generation": self.generation,
            "core": f"stockade/{__version__}",
            "limits": {
                "message": self._limits.message,
                "event": limits.EVENT,
                "batch": limits.BATCH,
                "calls": self._limits.calls,
                "topics": self._limits.topics,
                "depth": limits.DEPTH,
            },
            "grants": self._house.authority.grants(self.label),
        }
        self.say(["welcome", welcome])
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
        caller = self._callers.get(call.command) or self._admitted(call)
        if caller is None:
            return
        running = self._house.dispatcher.dispatch(
            caller, self._house.commands[call.command], call.arguments, partial(self._answer, call)
        )
        if running is not None:
            self._running[call.id] = running

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
        if self._over or not self.conversation.answer(call.id):
            return
        self._link.post(self._encoded_result(call, value) if error is None else self._encoded_error(call, error))
        if self._leaving is not None:
            self._leave_when_done()

    def _encoded_result(self, call: Call, value: Any) -> bytes:
        part = codec.encode(["result", call.id, value])
        if len(part) + 3 > self._limits.message:
            reason = f"the result has {len(part)} bytes and {self._limits.message} is the limit"
            return self._encoded_error(call, CommandError(Code.TOO_LARGE, reason))
        if not self._link.outbox.has_room(len(part)):
            reason = "the answers that wait for you fill the outbox; read them, then call again"
            return self._encoded_error(call, CommandError(Code.BUSY, reason))
        return part

    def _encoded_error(self, call: Call, error: CommandError) -> bytes:
        if error.code in _REFUSALS:
            self.refusals.count(Act.CALL, call.command, error.code, error.reason or error.message)
        part = codec.encode(error_message(call.id, error.code, error.message, error.data))
        if len(part) + 3 > self._limits.message:
            part = codec.encode(error_message(call.id, error.code, "the error's message and data are over the limit"))
        return part

    def say(self, message: list[Any]) -> None:
        """Send a message of the core's own making."""
        if not self._over:
            self._link.post(codec.encode(message))

    # -- events -------------------------------------------------------------------------------------------------------

    def on_subscription(self, frame: bytes) -> None:
        """Grant a subscription or deny it, or end one."""
        try:
            subscribe, name, prefix = parse_subscription(frame)
        except Breach as breach:
            self.end(breach)
            return
        topic = frame[1:]
        if not subscribe:
            if self._subscriptions.discard(name, prefix):
                self._link.revoke(topic)
            return
        act = Act.LISTEN_PREFIX if prefix else Act.LISTEN
        decision = self._house.authority.decide(self.label, act, name)
        if not decision.allowed:
            self._refuse(act, name, decision)
            error = decision.refusal()
            self._deny(topic, error.code, error.message)
        elif not self._subscriptions.add(name, prefix):
            reason = f"{self._limits.topics} subscriptions are the limit"
            self.refusals.count(act, name, Code.BUSY, reason)
            self._deny(topic, Code.BUSY, reason)
        else:
            self._link.grant(topic)
            self.say(["listening", topic.decode("ascii")])

    def _deny(self, topic: bytes, code: str, message: str) -> None:
        self.say(["denied", topic.decode("ascii"), {"code": str(code), "message": message}])

    def on_emit(self, frame: bytes) -> None:
        """Relay an event, or count its refusal."""
        self._emits += 1
        try:
            if len(frame) > limits.EVENT:
                raise Breach(BreachCode.TOO_LARGE, f"an emit of {len(frame)} bytes, over {limits.EVENT}")
            name, payload, to = parse_emit(frame)
        except Breach as breach:
            self.end(breach)
            return
        decision = self._house.authority.decide(self.label, Act.EMIT, name)
        if not decision.allowed:
            self._refuse(Act.EMIT, name, decision)
        elif to is not None and to not in self._house.bus.labels:
            self.refusals.count(Act.EMIT, name, Code.NOT_FOUND, f"there is no worker {to!r:.60} to emit it to")
        else:
            self._house.bus.relay(name, payload, self.label, self.generation, to)

    def hear(self, frame: EventFrame) -> None:
        """Send an event that this worker listens to, or count it as missed and say so once this turn is over."""
        if self._over or not self._subscriptions.hears(frame.name):
            return
        self._events += 1
        if not self._link.send_event(frame.numbered(self._events)):
            self._dropped += 1
            if not self._missed_is_due:
                self._missed_is_due = True
                self._house.loop.call_soon(self._tell_missed)

    def _tell_missed(self) -> None:
        if self._missed_is_due and not self._link.outbox.is_full:
            self._missed_is_due = False
            self.say(["missed", self._events])

    # -- the end ------------------------------------------------------------------------------------------------------

    def on_turn(self) -> None:
        """A turn of reading is over."""
        if self._missed_is_due:
            self._tell_missed()
        if self._leaving is not None:
            self._leave_when_done()

    def _bye(self, leaving: Leaving) -> None:
        self._leaving = leaving
        self._leave_timer = self._house.loop.call_later(limits.LEAVE, self._leave)

    def _leave_when_done(self) -> None:
        if self._leaving is not None and self._emits >= self._leaving.emitted and not self.conversation.in_flight:
            self._leave()

    def _leave(self) -> None:
        if self._leave_timer is None or self._over:
            return
        self._leave_timer.cancel()
        self._leave_timer = None
        self.cancel_calls()
        self._leaving = None
        self.say(["bye", {"emitted": self._emits}])
        self._house.owner.left(self)  # before the worker can hear it, and end
        self._link.flush()
        self.close()

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
        self.say(_last_words(breach))
        self._link.flush()
        self._link.mute()
        self.close()
        self._house.owner.ended(self, breach)

    def close(self) -> None:
        """Cancel the calls and hear nothing more. The link is its owner's to close."""
        self._over = True
        self._house.bus.detach(self.label, self)
        if self._leave_timer is not None:
            self._leave_timer.cancel()
        self.cancel_calls()

    def cancel_calls(self) -> None:
        """Cancel every call in flight; each is answered `cancelled` if the worker can still hear it."""
        for running in list(self._running.values()):
            running.cancel()

    def _refuse(self, act: Act, name: str, decision: Decision) -> None:
        self.refusals.count(act, name, decision.code or Code.NOT_ALLOWED, decision.reason)

    def statistics(self) -> Statistics:
        """What went through so far."""
        talk = self.conversation.statistics()
        return Statistics(
            talk.calls,
            talk.in_flight,
            self._emits,
            self._events,
            self._dropped,
            len(self._subscriptions),
            self.refusals.by_reason(),
        )


#: Error answers that say no, rather than that something went wrong: counted, and logged with their reason.
_REFUSALS = frozenset({Code.NOT_ALLOWED, Code.NOT_FOUND, Code.INVALID_ARGS, Code.BUSY, Code.TOO_LARGE})


def _last_words(breach: Breach) -> list[Any]:
    """What a worker is told before its end. One of another version gets the one answer that all versions know."""
    if breach.code is BreachCode.VERSION:
        protocols = {"protocols": [limits.PROTOCOL]}
        return ["refused", {"code": str(Code.UNAVAILABLE), "message": breach.reason, "data": protocols}]
    return ["breach", {"code": str(breach.code), "reason": breach.reason[:500]}]


_HANDLERS: dict[type[Happening], Callable[[Gate, Any], None]] = {
    Call: Gate._call,
    Reply: Gate._reply,
    Hello: Gate._hello,
    Ready: Gate._ready,
    Leaving: Gate._bye,
}
