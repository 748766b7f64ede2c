"""One worker's gate for events: what it asks to hear and what it emits is decided here, and what it hears is numbered.

Knows no socket: a link moves the frames. Knows no call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from stockade import limits
from stockade.core.events.event import Event
from stockade.core.events.subscriptions import Subscriptions
from stockade.core.policy.authority import Act, Authority, Decision
from stockade.core.refusals import Refusals
from stockade.core.wire.topics import EventFrame, parse_emit, parse_subscription
from stockade.errors import Breach, BreachCode, Code

if TYPE_CHECKING:
    from stockade.core.events.bus import Bus
    from stockade.core.link import Link

__all__ = ["EventGate", "Statistics"]


@attrs.frozen
class Statistics:
    """What went through so far."""

    emits: int
    events: int
    events_dropped: int
    subscriptions: int


@attrs.define(eq=False)
class EventGate:
    """The events of one generation. `say` sends a message on its commands socket, `end` ends it for a breach."""

    _loop: asyncio.AbstractEventLoop
    _authority: Authority
    _bus: Bus
    _link: Link
    label: str
    generation: int
    _refusals: Refusals
    _subscriptions: Subscriptions
    _say: Callable[[list[Any]], None]
    _end: Callable[[Breach], None]
    _send: Callable[[bytes], bool] = attrs.field(init=False)
    emits: int = 0
    _events: int = 0
    _dropped: int = 0
    _last_dropped: int = 0
    _missed_is_due: bool = False

    def __attrs_post_init__(self) -> None:
        self._send = self._link.send_event

    # -- what the worker asks to hear ---------------------------------------------------------------------------------

    def on_subscription(self, frame: bytes) -> None:
        """Grant a subscription or deny it, or end one."""
        try:
            subscribe, name, prefix = parse_subscription(frame)
            if subscribe:
                self._subscribe(frame[1:], name, prefix)
            elif self._subscriptions.discard(name, prefix):
                self._link.revoke(frame[1:])
                self._bus.changed()
        except Breach as breach:
            self._end(breach)

    def _subscribe(self, topic: bytes, name: str, prefix: bool) -> None:
        act = Act.LISTEN_PREFIX if prefix else Act.LISTEN
        decision = self._authority.decide(self.label, act, name)
        if not decision.allowed:
            self._refuse(act, name, decision)
            error = decision.refusal()
            self._deny(topic, name, prefix, error.code, error.message)
        elif not self._subscriptions.add(name, prefix):
            reason = f"{self._subscriptions.limit} subscriptions are the limit"
            self._refusals.count(act, name, Code.BUSY, reason)
            self._deny(topic, name, prefix, Code.BUSY, reason)
        else:
            self._link.grant(topic)
            self._bus.changed()
            self._say(["listening", topic.decode("ascii")])

    def _deny(self, topic: bytes, name: str, prefix: bool, code: str, message: str) -> None:
        if not self._subscriptions.deny(name, prefix):
            # libzmq remembers a topic, granted or not, until it is unsubscribed: 51,000 denied ones took 268 MB.
            reason = f"over {limits.DENIED_TOPICS} subscriptions that were denied and not taken back"
            raise Breach(BreachCode.TOO_MANY, reason)
        self._say(["denied", topic.decode("ascii"), {"code": str(code), "message": message}])

    # -- what the worker emits ----------------------------------------------------------------------------------------

    def on_emit(self, frame: bytes) -> None:
        """Relay an event, or count its refusal."""
        self.emits += 1
        try:
            if len(frame) > limits.EVENT:
                raise Breach(BreachCode.TOO_LARGE, f"an emit of {len(frame)} bytes, over {limits.EVENT}")
            name, payload, to, trace = parse_emit(frame)
        except Breach as breach:
            self._end(breach)
            return
        decision = self._authority.decide(self.label, Act.EMIT, name)
        if not decision.allowed:
            self._refuse(Act.EMIT, name, decision)
        elif to is not None and to not in self._bus.labels:
            self._refusals.count(Act.EMIT, name, Code.NOT_FOUND, f"there is no worker {to!r:.60} to emit it to")
        else:
            event = Event(name, payload, self.label, self.generation, trace)
            self._relay(EventFrame(name, self.label, payload, trace), event, to)

    def _relay(self, frame: EventFrame, event: Event, to: str | None) -> None:
        if frame.size > limits.EVENT + limits.EVENT_SLACK:  # short floats, which grow when they are written again
            reason = f"written again it has {frame.size} bytes, and {limits.EVENT} is the limit"
            self._refusals.count(Act.EMIT, event.name, Code.TOO_LARGE, reason)
        else:
            self._bus.relay(frame, event, to)

    # -- what the worker hears ----------------------------------------------------------------------------------------

    def hears(self, name: str) -> bool:
        """Whether this worker listens to events of this name."""
        return self._subscriptions.hears(name)

    def hear(self, frame: EventFrame) -> None:
        """Send an event that this worker listens to, or count it as missed and say so once this turn is over."""
        self._events = number = self._events + 1
        if not self._send(frame.numbered(number)):
            self._dropped += 1
            self._last_dropped = self._events
            if not self._missed_is_due:
                self._missed_is_due = True
                self._loop.call_soon(self.tell_missed)

    def tell_missed(self) -> None:
        """Tell the worker which event was the last that it missed, if it has not been told and there is room."""
        if self._missed_is_due and not self._link.outbox.is_full:
            self._missed_is_due = False
            self._say(["missed", self._last_dropped])

    def _refuse(self, act: Act, name: str, decision: Decision) -> None:
        self._refusals.count(act, name, decision.code or Code.NOT_ALLOWED, decision.reason)

    def statistics(self) -> Statistics:
        """What went through so far."""
        return Statistics(self.emits, self._events, self._dropped, len(self._subscriptions))
