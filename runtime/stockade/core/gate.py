"""One worker's gate: whatever it says passes here, is decided, and is handed on or refused.

Knows no socket and no process: a link moves the frames, `conversation` says what may come, `authority` who may do
what, the dispatcher runs commands, the bus carries events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from stockade import limits
from stockade.config.specs import WorkerLimits
from stockade.core.asked import Answered, Asked, AskedCalls
from stockade.core.batches import Batches
from stockade.core.burden import Burden
from stockade.core.calls import Calls
from stockade.core.channels import Channels
from stockade.core.commands.context import Context
from stockade.core.event_gate import EventGate
from stockade.core.events.subscriptions import Subscriptions
from stockade.core.policy.authority import Act, Authority
from stockade.core.refusals import Refusals
from stockade.core.replies import Replies, last_words
from stockade.core.wire import channels as channel_rules
from stockade.core.wire import codec
from stockade.core.wire.conversation import Conversation, State
from stockade.core.wire.happenings import (
    Answer,
    Call,
    Cancel,
    Credit,
    Drop,
    End,
    Happening,
    Hello,
    Item,
    Leaving,
    Raw,
    Ready,
    Remains,
    Reply,
    Side,
)
from stockade.core.wire.shapes import error_message
from stockade.errors import Breach, BreachCode, Code, CommandError

if TYPE_CHECKING:
    from stockade.core.commands.dispatch import Dispatcher
    from stockade.core.commands.registry import Command
    from stockade.core.events.bus import Bus
    from stockade.core.exports.router import Router
    from stockade.core.link import Link
    from stockade.core.outbox import Laden

__all__ = ["Gate", "House", "Owner", "Statistics"]


#: What a message has around an item of bytes, at most.
_AROUND_ITEM = 64
_NONE: Mapping[str, Side] = MappingProxyType({})


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
    router: Router
    bus: Bus
    owner: Owner
    deadline: float | None = None  # seconds of a call that states none


@attrs.frozen
class Statistics:
    """What went through a gate so far."""

    calls: int
    in_flight: int
    asked: int
    channels: int
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
    _burden: Burden = attrs.field(init=False)
    _link: Link = attrs.field(init=False)
    _events: EventGate = attrs.field(init=False)
    _replies: Replies = attrs.field(init=False)
    _channels: Channels = attrs.field(init=False)
    _asked: AskedCalls = attrs.field(init=False)
    _calls: Calls = attrs.field(init=False)
    _batches: Batches = attrs.field(init=False)
    _leaving: Leaving | None = None
    _leave_timer: asyncio.TimerHandle | None = None
    breach: Breach | None = None
    _gone: bool = False  # its process has ended: what it emitted is still handled, nothing else
    _over: bool = False  # nothing is

    def __attrs_post_init__(self) -> None:
        self.conversation = Conversation(self._limits.calls, channels=channel_rules.Channels(self._limits.channels))
        bound = limits.IN_FLIGHT * self._limits.message
        self._burden = Burden(bound, lambda: self._batches.go_on_soon())

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
        self._replies = Replies(self._limits, link.outbox, self.refusals, house.deadline)
        self._open_calls(link)
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
        house.bus.attach(self.label, self._events)

    def _open_calls(self, link: Link) -> None:
        house, conversation, replies = self._house, self.conversation, self._replies
        largest = self._limits.message - _AROUND_ITEM
        self._channels = Channels(
            house.loop, conversation.channels, replies, link.outbox, self._burden, link.post, largest
        )
        self._asked = AskedCalls(
            conversation, replies, self._channels, link.post, lambda numbers: self._calls.stop(numbers)
        )
        self._calls = Calls(
            self.label,
            self.generation,
            self._limits,
            conversation,
            house.authority,
            house.commands,
            house.dispatcher,
            house.router,
            house.deadline,
            replies,
            self._channels,
            self._burden,
            link.post,
            self._asked.context,
        )
        handlers: dict[type[Happening], Callable[[Any], None]] = {
            Call: self._calls.on_call,
            Cancel: self._calls.on_cancel,
            Answer: self._asked.on_answer,
            Item: self._channels.on_item,
            End: self._channels.on_end,
            Credit: self._channels.on_credit,
            Drop: self._channels.on_drop,
            Reply: self._reply,
            Hello: self._hello,
            Ready: self._ready,
            Leaving: self._bye,
        }
        self._batches = Batches(
            house.loop,
            link,
            conversation,
            self._limits.message,
            self._burden,
            self._calls.answer_at_once,
            handlers,
            self.end,
            self._stumble,
        )

    # -- the commands socket ------------------------------------------------------------------------------------------

    def on_batch(self, frame: bytes, frames: Sequence[Raw]) -> bytes | Laden | None:
        """Handle a batch; the first breach in it ends the worker. Returns what answers it, where that goes at once."""
        return self._batches.take(frame, frames)

    def _stumble(self, message: Any, happening: Happening | None, fault: Exception) -> None:
        """Log a fault of the core's own, and answer the call that it was about."""
        error = self._house.dispatcher.internal(fault, f"a message of {self.name}", self.label)
        if isinstance(happening, Call):
            self._calls.fail(happening, error)
        elif happening is None and message[0] == "call" and type(message[1]) is int:  # not even read
            self.say(error_message(message[1], error.code, error.message, error.data))

    def _hello(self, hello: Hello) -> None:
        self.say(self._replies.welcome(self.label, self.generation, self._house.authority.grants(self.label)))
        self._link.listen()
        self._house.owner.greeted(self)

    def _ready(self, ready: Ready) -> None:
        self._house.router.admit(self, ready.exports)
        self._house.owner.ready(self)

    def _reply(self, reply: Reply) -> None:
        if reply.message[0] == "error":
            error = reply.message[2]
            self.refusals.count(Act.CALL, "?", error["code"], error["message"])
        self.say(reply.message)

    def ask(
        self,
        command: str,
        arguments: Mapping[str, Any],
        context: Context,
        answered: Answered,
        channels: Mapping[str, Side] = _NONE,
    ) -> Asked:
        """Call a command that the worker exports; `answered` gets the answer, once, and never before this returns.

        It is never called if the worker is gone first: whoever asks is told that otherwise. Arguments are values of the
        wire, a memoryview standing for bytes. The worker is told who asks and how much time is left; what it calls
        while it handles the call is within `context`. `channels` says of each, by argument, which end of the call
        receives on it. Raises CommandError where it cannot be sent: `unavailable` if the worker has not said hello or
        has left, `too_large` for its limit, `busy` while it does not read.
        """
        if self._over or self._gone or self.conversation.state not in (State.GREETED, State.READY):
            raise CommandError(Code.UNAVAILABLE, f"{self.name} answers no calls now")
        return self._asked.ask(command, arguments, context, answered, channels)

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

    # -- the end ------------------------------------------------------------------------------------------------------

    def on_turn(self) -> None:
        """A turn of reading is over."""
        self._events.tell_missed()
        if self._leaving is not None:
            self._leave_when_done()

    def _bye(self, leaving: Leaving) -> None:
        self._end_all(leaving.remains)
        self._leaving = leaving
        self._calls.post = self._post_late
        self._leave_timer = self._house.loop.call_later(limits.LEAVE, self._leave)

    def _post_late(self, part: bytes | Laden) -> None:
        """An answer after the bye, which may be the last."""
        self._link.post(part)
        self._leave_when_done()

    def _leave_when_done(self) -> None:
        leaving = self._leaving
        if leaving is not None and self._events.emits >= leaving.emitted and not self.conversation.in_flight:
            self._leave()

    def _leave(self) -> None:
        if self._leave_timer is None or self._over:
            return
        self._leave_timer.cancel()
        self._leave_timer = None
        self._calls.stop_all()
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
        self._house.bus.detach(self.label, self._events)
        self._hush()

    def close(self) -> None:
        """Cancel the calls and handle nothing more. The link is its owner's to close."""
        self._over = True
        self._house.bus.detach(self.label, self._events)
        if self._leave_timer is not None:
            self._leave_timer.cancel()
        self._hush()

    def _hush(self) -> None:
        """Nothing that ends from now on is said any more."""
        self._calls.silent = self._batches.silent = True
        self._end_all(self.conversation.close())
        self._calls.stop_all()

    def _end_all(self, remains: Remains) -> None:
        """The worker's share in what is left open is over."""
        self._asked.close()
        self._channels.close(remains.channels, CommandError(Code.UNAVAILABLE, f"{self.name} has ended"))
        self._house.router.gone(self)

    def statistics(self) -> Statistics:
        """What went through so far."""
        talk, events = self.conversation.statistics(), self._events.statistics()
        refused = self.refusals.by_reason()
        return Statistics(
            talk.calls, talk.in_flight, talk.asked, talk.channels, refusals=refused, **attrs.asdict(events)
        )
