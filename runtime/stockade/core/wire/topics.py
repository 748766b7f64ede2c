"""Topics: how an event's name stands in front of its frame, and what a subscription may be.

Knows no policy and no socket. docs/protocol.md, section 7.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from stockade import limits
from stockade.core.wire.codec import WireError, decode, encode
from stockade.core.wire.options import read_trace
from stockade.errors import Breach, BreachCode
from stockade.names import is_event

__all__ = ["Emit", "EventFrame", "parse_emit", "parse_subscription", "topic_of"]


@lru_cache(limits.NAMES)
def topic_of(event: str) -> bytes:
    """The topic of an event: its name and a bar."""
    return event.encode("ascii") + b"|"


def parse_subscription(frame: bytes) -> tuple[bool, str, bool]:
    """What a worker's frame on the events socket asks: (subscribe, the event's name or prefix, whether a prefix).

    A prefix is returned with its slash. Raises Breach for a frame that is no subscription.
    """
    if not frame or frame[0] > 1:
        raise Breach(BreachCode.BAD_SUBSCRIPTION, f"{frame[:60]!r} is no subscription")
    topic = frame[1:]
    name = topic[:-1] if topic.endswith(b"|") else topic
    prefix = topic.endswith(b"/")
    try:
        text = name.decode("ascii")
    except UnicodeDecodeError:
        text = ""
    if not (prefix or len(name) < len(topic)) or not is_event(text.removesuffix("/") if prefix else text):
        raise Breach(
            BreachCode.BAD_SUBSCRIPTION, f"{topic[:60]!r} is neither an event's name and a bar nor a name and a slash"
        )
    return frame[0] == 1, text, prefix


class Emit(NamedTuple):
    """An event that a worker emits: to whom (None: to all), and within which trace, a well-formed traceparent."""

    name: str
    payload: Any
    to: str | None
    trace: str | None


def parse_emit(frame: bytes) -> Emit:
    """The event that a worker's frame on the emits socket says; raises Breach for a frame that is none."""
    name, bar, body = frame.partition(b"|")
    text = name[: limits.NAME + 1].decode("latin-1")
    if not bar or not is_event(text):
        raise Breach(BreachCode.BAD_EVENT, f"{frame[:60]!r} does not begin with an event's name and a bar")
    try:
        value = decode(body)
    except WireError as error:
        raise Breach(BreachCode.BAD_EVENT, f"behind {text}| stands no CBOR: {error}") from error
    if type(value) is not list or len(value) < 2 or not _is_sequence_number(value[0]):
        raise Breach(BreachCode.BAD_EVENT, f"behind {text}| stands no [seq, payload]")
    if len(value) == 2:
        return Emit(text, value[1], None, None)
    options = value[2]
    if type(options) is not dict or type(options.get("to", "")) is not str:
        raise Breach(BreachCode.BAD_EVENT, f"the options of {text}| are no map with a label under 'to'")
    return Emit(text, value[1], options.get("to"), read_trace(options.get("trace")))


@lru_cache(limits.NAMES)
def _source(label: str) -> bytes:
    return encode(label)


class EventFrame:
    """One event's frame, encoded once for all who listen: only the sequence number differs from worker to worker."""

    __slots__ = ("_head", "_last", "_numbered", "_tail", "name")

    def __init__(self, name: str, source: str, payload: Any, trace: str | None = None) -> None:
        """`trace` is a well-formed traceparent. Raises WireError for a payload that cannot be encoded; `codec.check`
        comes first.
        """
        self.name = name
        self._head = topic_of(name) + (b"\x83" if trace is None else b"\x84")
        self._last, self._numbered = 0, b""
        self._tail = _source(source) + encode(payload) + (b"" if trace is None else encode({"trace": trace}))

    @property
    def size(self) -> int:
        """Bytes of the largest frame that `numbered` makes."""
        return len(self._head) + len(self._tail) + 9

    def numbered(self, seq: int) -> bytes:
        """The frame for the worker for which this is event number `seq`."""
        if seq != self._last:  # workers that have heard the same get the same, one behind the other
            self._last, self._numbered = seq, self._head + encode(seq) + self._tail
        return self._numbered


def _is_sequence_number(value: Any) -> bool:
    if type(value) is float and value.is_integer():
        value = int(value)
    return type(value) is int and 0 <= value <= limits.LARGEST_ID
