"""Events on the worker's side: names and topics, who listens to what, and what came but waits. Knows no socket."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Any

from stockade_frontend.errors import CoreBroken
from stockade_frontend.pending import Pending
from stockade_frontend.wire import DecodeError, decode, encode, integer

__all__ = [
    "Event",
    "Handler",
    "Inbox",
    "Listeners",
    "Subscription",
    "check_event",
    "emit_of",
    "is_event",
    "read_event",
    "topic_of",
]

_EVENT = re.compile(r"[A-Za-z0-9_/:.-]{1,128}")

#: What a worker gives to `listen`: called with each event. With asyncio it may be a coroutine function.
Handler = Callable[["Event"], Any]


class Event:
    """Something that happened: its name and payload, who emitted it (a label, or ``"core"``), and its number.

    `seq` counts the events that were meant for this worker since it started: a gap is what it has missed. `trace` is
    the W3C traceparent that it came with, or None; calls and emits of its handlers go on with it.
    """

    __slots__ = ("name", "payload", "seq", "source", "trace")

    def __init__(self, name: str, payload: Any, source: str, seq: int, trace: str | None = None) -> None:
        self.name = name
        self.payload = payload
        self.source = source
        self.seq = seq
        self.trace = trace

    def __repr__(self) -> str:
        return f"Event({self.name!r}, {self.payload!r}, source={self.source!r}, seq={self.seq})"


def is_event(name: str) -> bool:
    """Whether `name` may name an event. One that ends in a slash is a prefix, and none."""
    return _EVENT.fullmatch(name) is not None and name[-1] != "/"


def check_event(name: str) -> None:
    """Raise ValueError if `name` may name no event: the worker's own bug."""
    if not is_event(name):
        raise ValueError(f"{name!r} is no event's name: 1 to 128 of A-Z a-z 0-9 _ / : . -, no slash at the end")


def emit_of(name: str, payload: Any, to: str | None, trace: str | None, depth: int) -> tuple[bytes, bytes]:
    """The frame of an emit: what stands before and behind its number. Raises EncodeError."""
    body = encode(payload, depth - 1)
    if to is None and trace is None:
        return name.encode() + b"|\x82", body
    options = {"to": to, "trace": trace}
    said = encode({option: value for option, value in options.items() if value is not None})
    return name.encode() + b"|\x83", body + said


def topic_of(name: str) -> str:
    """What to subscribe to, so as to get the event `name`, or, if it ends in a slash, all whose names begin so.

    Raises ValueError if it is neither: the worker's own bug.
    """
    if not is_event(name.removesuffix("/")):
        raise ValueError(f"{name!r} is no event's name: 1 to 128 of A-Z a-z 0-9 _ / : . - (a prefix ends in one slash)")
    return name if name[-1] == "/" else name + "|"


def read_event(frame: bytes) -> Event:
    """The event that a frame of the events socket says. Raises `CoreBroken` if it says none."""
    topic, bar, body = frame.partition(b"|")
    try:
        name, value = topic.decode("ascii"), decode(body)
    except (UnicodeDecodeError, DecodeError) as error:
        raise CoreBroken(f"an event that cannot be read: {error}") from None
    if not bar or not is_event(name):
        raise CoreBroken("an event without a name and a bar")
    if type(value) is not list or len(value) < 3 or type(value[1]) is not str:
        raise CoreBroken("an event that is not [seq, source, payload]")
    seq = integer(value[0])
    if not seq:
        raise CoreBroken("an event without a number")
    return Event(name, value[2], value[1], seq, _trace_of(value[3]) if len(value) > 3 else None)


def _trace_of(options: Any) -> str | None:
    """Elements behind those that the protocol names are ignored, and so is a trace that is none."""
    trace = options.get("trace") if type(options) is dict else None
    return trace if type(trace) is str else None


class Inbox:
    """Events that have come and wait for their handlers, up to a bound, and the count of those that were missed."""

    __slots__ = ("_bound", "_dropped_to", "_gaps", "_last", "_waiting", "overflowed", "received")

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._waiting: deque[Event] = deque()
        self._last = self._gaps = self._dropped_to = 0
        #: Events that have come from the core.
        self.received = 0
        #: Events that came when the bound was reached, and were dropped here.
        self.overflowed = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, event: Event) -> None:
        """Take in the next event. Raises `CoreBroken` if it comes again, or out of its order."""
        if event.seq <= self._last:
            raise CoreBroken(f"event number {event.seq} after number {self._last}")
        self._gaps += event.seq - self._last - 1
        self._last = event.seq
        self.received += 1
        if len(self._waiting) < self._bound:
            self._waiting.append(event)
        else:
            self.overflowed += 1

    def take(self) -> Event | None:
        """The oldest event that waits, or None."""
        return self._waiting.popleft() if self._waiting else None

    def dropped(self, seq: int) -> None:
        """The core says that events were dropped, the last of them number `seq`."""
        self._dropped_to = max(self._dropped_to, seq)

    @property
    def missed(self) -> int:
        """Events meant for this worker that no handler will see.

        What is still on its way when the core tells of later drops is counted too, until it arrives.
        """
        return self._gaps + self.overflowed + max(0, self._dropped_to - self._last)


class Subscription:
    """One handler that listens to one topic. `unlisten()` ends it; doing so again does nothing."""

    __slots__ = ("_end", "handler", "name", "once", "topic")

    def __init__(self, name: str, handler: Handler, once: bool, end: Callable[[Subscription], None]) -> None:
        self.topic = topic_of(name)
        #: The event's name, or the prefix.
        self.name = name
        self.handler = handler
        self.once = once
        self._end = end

    def unlisten(self) -> None:
        """Call the handler no more, not even for events that have come and wait."""
        self._end(self)

    def __repr__(self) -> str:
        return f"Subscription({self.name!r})"


class Listeners:
    """Which subscriptions there are: by topic, in the order in which they began, with the answer they share."""

    __slots__ = ("_answers", "_by_topic")

    def __init__(self) -> None:
        self._by_topic: dict[str, list[Subscription]] = {}
        self._answers: dict[str, Pending] = {}

    def __len__(self) -> int:
        return len(self._by_topic)

    def awaited(self, topic: str) -> Pending | None:
        """The core's answer for this topic, come or not; None if nobody listens to it."""
        return self._answers.get(topic)

    def add(self, subscription: Subscription, answer: Pending) -> None:
        """Add it to its topic, for which the core gives this answer."""
        self._by_topic.setdefault(subscription.topic, []).append(subscription)
        self._answers[subscription.topic] = answer

    def remove(self, subscription: Subscription) -> bool:
        """Remove it if it is there; whether it was the last of its topic."""
        same = self._by_topic.get(subscription.topic, [])
        if subscription not in same:
            return False
        same.remove(subscription)
        if not same:
            del self._by_topic[subscription.topic], self._answers[subscription.topic]
        return not same

    def of(self, name: str) -> list[Subscription]:
        """The subscriptions for an event of this name: to the name itself, then to its prefixes, shortest first."""
        found = list(self._by_topic.get(name + "|", ()))
        slash = name.find("/")
        while slash >= 0:
            found += self._by_topic.get(name[: slash + 1], ())
            slash = name.find("/", slash + 1)
        return found
