"""The steps that scripts are made of (docs/protocol.md, section 11). Knows no codec and no script."""

from __future__ import annotations

from typing import Any

from protocol_vectors.diagnostic import compile_item

__all__ = [
    "BYE",
    "GREETING",
    "HELLO",
    "LEAVING",
    "Script",
    "Step",
    "binds",
    "closes",
    "either",
    "emits",
    "frames",
    "gets",
    "goes_on",
    "hears",
    "is_granted",
    "refusal",
    "says",
    "subscribes",
    "zeros",
]

Step = dict[str, Any]
#: (name, about, whether it needs real sockets, steps, the breach code that ends it or None; a list: one of them)
Script = tuple[str, str, bool, list[Step], str | list[str] | None]

HELLO = '["hello", {"protocol": 1, "stub": "test/0"}]'
WELCOME = '["welcome", {"protocol": 1, "worker": "editor", "generation": 1}]'


def says(*messages: str, raw: tuple[str, ...] = ()) -> Step:
    """The worker sends one batch, with these raw frames behind it."""
    batch = [compile_item(message).value for message in messages]
    return {"worker": {"socket": "commands", "batch": batch, **({"raw": list(raw)} if raw else {})}}


def is_granted(channel: int, count: int) -> Step:
    """The worker waits until the core has granted it so much credit in all."""
    return {"worker": {"socket": "commands", "granted": [channel, count]}}


def frames(*given: str, socket: str = "commands") -> Step:
    """The worker sends one ZeroMQ message of these frames."""
    return {"worker": {"socket": socket, "frames": list(given)}}


def zeros(count: int, socket: str = "commands") -> Step:
    """The worker sends one frame of so many zero bytes."""
    return {"worker": {"socket": socket, "zeros": count}}


def subscribes(topic: str) -> Step:
    """The worker subscribes, and waits till the core has it."""
    return {"worker": {"socket": "events", "subscribe": topic}}


def emits(topic: str, body: str) -> Step:
    """The worker emits an event."""
    return {"worker": {"socket": "emits", "topic": topic, "body": compile_item(body).value}}


def closes(socket: str) -> Step:
    """The worker closes one of its sockets."""
    return {"worker": {"socket": socket, "close": True}}


def binds(**how: str) -> Step:
    """The worker binds its sockets otherwise than it should."""
    return {"worker": {"bind": how}}


def hears(*messages: str | Step) -> Step:
    """The core sends these messages next, in one batch or several."""
    said = [compile_item(message).value if isinstance(message, str) else message for message in messages]
    return {"core": {"socket": "commands", "messages": said}}


def either(*messages: str) -> Step:
    """One of these messages; which, is not said."""
    return {"$either": [compile_item(message).value for message in messages]}


def gets(topic: str, body: str) -> Step:
    """The core sends this event next."""
    return {"core": {"socket": "events", "topic": topic, "body": compile_item(body).value}}


def refusal(number: int, code: str) -> str:
    """The error that ends a call."""
    return f'["error", {number}, {{"code": "{code}"}}]'


GREETING = [says(HELLO), hears(WELCOME)]
#: Bye is said, and not answered yet, for a call runs on.
LEAVING = [*GREETING, says('["call", 1, "hang", {}]'), says('["bye", {"emitted": 0}]')]
BYE = [says('["bye", {"emitted": 0}]'), hears('["bye", {"emitted": 0}]')]


def goes_on(number: int = 99) -> list[Step]:
    """The worker asks whether the conversation goes on: whatever stood before was no breach."""
    return [says(f'["ping", {number}]'), hears(f'["pong", {number}]')]
