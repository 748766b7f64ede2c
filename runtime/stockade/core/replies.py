"""What a worker is answered: encoded, within its limits, and never so much that it fills its outbox.

Knows no socket and no state of the conversation.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from math import isinf
from typing import Any, NamedTuple

import attrs

from stockade import __version__, limits
from stockade.config.specs import WorkerLimits
from stockade.core.outbox import Laden, Outbox
from stockade.core.policy.decision import Act
from stockade.core.refusals import Refusals
from stockade.core.wire.codec import encode
from stockade.core.wire.happenings import Call, Raw
from stockade.core.wire.shapes import error_map, error_message
from stockade.errors import Breach, BreachCode, Code, CommandError

__all__ = ["Cargo", "Replies", "last_words"]

#: Error answers that say no, rather than that something went wrong: counted, and logged with their reason.
_REFUSALS = frozenset({Code.NOT_ALLOWED, Code.NOT_FOUND, Code.INVALID_ARGS, Code.BUSY, Code.TOO_LARGE})
#: How arrays of three begin whose first is the text "result" or "item"; the number and the value follow.
_RESULT, _ITEM = encode(["result", 0, 0])[:-2], encode(["item", 0, 0])[:-2]
#: The same of four, whose value is a raw frame: behind null and this, its index follows.
_RAW_RESULT, _RAW_ITEM = encode(["result", 0, 0, 0])[:-3], encode(["item", 0, 0, 0])[:-3]
#: How an array of five begins whose first is the text "call".
_CALL = encode(["call", 0, 0, 0, 0])[:-4]
#: What a call has around its arguments, at most, and for each name of an argument in its options.
_AROUND_CALL, _PER_NAME = 400, 200
_NULL_AND_RAW = encode(None) + encode({"raw": 0})[:-1]
_NO_ROOM = "there is no room for the error's message and data"
#: A batch of one has an array header around its message.
_HEADER = 3


class Cargo(NamedTuple):
    """What a call of the core's carries: command and arguments, encoded, and the arguments that are raw frames."""

    text: bytes
    frames: dict[str, Raw]


@attrs.frozen
class Replies:
    """The answers to one generation of one worker."""

    _limits: WorkerLimits
    _outbox: Outbox
    _refusals: Refusals
    _deadline: float | None  # seconds of a call that states none

    def welcome(self, label: str, generation: int, grants: dict[str, Any]) -> list[Any]:
        """The message that opens the conversation."""
        told = {
            "message": self._limits.message,
            "event": limits.EVENT,
            "batch": limits.BATCH,
            "frames": limits.FRAMES,
            "calls": self._limits.calls,
            "channels": self._limits.channels,
            "topics": self._limits.topics,
            "depth": limits.DEPTH,
            **({} if self._deadline is None else {"deadline": int(self._deadline * 1000)}),
            **({} if isinf(self._limits.rate) else {"rate": self._limits.rate}),
        }
        who = {"protocol": limits.PROTOCOL, "worker": label, "generation": generation}
        return ["welcome", {**who, "core": f"stockade/{__version__}", "limits": told, "grants": grants}]

    def result(self, call: Call, value: Any) -> bytes | Laden:
        """The encoded result of a call; raises CommandError where it does not fit, which is then the answer.

        `value` is one of the wire; a memoryview stands for bytes.
        """
        kind = type(value)
        if (kind is bytes or kind is memoryview) and len(value) >= limits.RAW:
            part: bytes | Laden = _laden(_RAW_RESULT, call.id, value)
        else:
            held = value if kind is not memoryview else bytes(value)
            part = _RESULT + encode(call.id) + encode(held)  # 0.5 µs, the whole list at once takes 0.8
        if len(part) + _HEADER > self._limits.message:
            reason = f"the result has {len(part)} bytes and {self._limits.message} is the limit: send it as a stream"
            raise CommandError(Code.TOO_LARGE, reason)
        if not self._outbox.has_room(len(part)):
            # Not `busy`: the command has run, and a stub would call it again.
            raise CommandError(Code.TOO_LARGE, "the answers that wait for you fill the outbox: read them as they come")
        return part

    def item(self, channel: int, value: Any) -> bytes | Laden:
        """An encoded item of a channel; raises CommandError (`too_large`) for one that no message can carry."""
        if _is_raw(value):
            part: bytes | Laden = _laden(_RAW_ITEM, channel, value)
        else:
            part = _ITEM + encode(channel) + encode(_plain(value))
        if len(part) + _HEADER > self._limits.message:
            reason = f"an item of {len(part)} bytes, and {self._limits.message} is the limit: send it in pieces"
            raise CommandError(Code.TOO_LARGE, reason)
        return part

    def end(self, channel: int, error: CommandError | None) -> bytes:
        """The encoded end of a channel, with its error, if it has one, or that error without what does not fit."""
        if error is None:
            return encode(["end", channel])
        part = encode(["end", channel, error_map(error.code, error.message, error.data)])
        if len(part) > limits.HEAVY and not self._fits(part):
            return encode(["end", channel, error_map(error.code, _NO_ROOM)])
        return part

    def pack(self, command: str, arguments: Mapping[str, Any], channels: int) -> Cargo:
        """What a call of the core's says, but its id and options; `arguments` are values of the wire, a memoryview
        standing for bytes, `channels` how many it will have.

        Raises CommandError: `too_large` where no message can carry it, `busy` where there is no room for it.
        """
        large = ((name, value) for name, value in arguments.items() if _is_raw(value))
        frames = dict(islice(large, limits.FRAMES))
        held = {name: _plain(value) for name, value in arguments.items() if name not in frames}
        text = encode(command) + encode(held)
        size = len(text) + sum(map(len, frames.values())) + _AROUND_CALL + _PER_NAME * (len(frames) + channels)
        if size > self._limits.message:
            reason = f"a call of {size} bytes, and {self._limits.message} is the limit: send it as a stream"
            raise CommandError(Code.TOO_LARGE, reason)
        if not self._outbox.has_room(size):
            raise CommandError(Code.BUSY, "what waits for that worker fills its outbox")
        return Cargo(text, frames)

    def question(self, number: int, cargo: Cargo, options: Mapping[str, Any]) -> bytes | Laden:
        """A call of the core's, encoded."""
        begin = _CALL + encode(number) + cargo.text
        if not cargo.frames:
            return begin + encode(options)
        # The options come last, and `raw` the last of them: the head of a map says how many follow.
        others = b"".join(encode(name) + encode(value) for name, value in options.items())
        names = [encode(name) for name in cargo.frames]
        first = begin + _map_head(len(options) + 1) + others + encode("raw") + _map_head(len(names)) + names[0]
        return Laden((first, *names[1:], b""), tuple(cargo.frames.values()))

    def error(self, call: Call, error: CommandError) -> bytes:
        """The encoded error of a call, without its data where they do not fit; a refusal is counted."""
        if error.code in _REFUSALS:
            self._refusals.count(Act.CALL, call.command, error.code, error.reason or error.message)
        part = encode(error_message(call.id, error.code, error.message, error.data))
        if len(part) <= limits.HEAVY:
            return part
        if not self._fits(part):
            return encode(error_message(call.id, error.code, _NO_ROOM))
        return part

    def _fits(self, part: bytes) -> bool:
        return len(part) + _HEADER <= self._limits.message and self._outbox.has_room(len(part))


def _is_raw(value: Any) -> bool:
    """Whether it is large enough to travel as a raw frame, and of a kind that can."""
    return (type(value) is bytes or type(value) is memoryview) and len(value) >= limits.RAW


def _plain(value: Any) -> Any:
    """As the codec takes it, which would write a memoryview as an array of integers."""
    return value if type(value) is not memoryview else bytes(value)


def _laden(begin: bytes, number: int, value: Raw) -> Laden:
    return Laden((begin + encode(number) + _NULL_AND_RAW, b""), (value,))


def _map_head(count: int) -> bytes:
    return bytes((0xA0 | count,)) if count < 24 else bytes((0xB8, count))


def last_words(breach: Breach) -> list[Any]:
    """What a worker is told before its end. One of another version gets the one answer that all versions know."""
    if breach.code is BreachCode.VERSION:
        protocols = {"protocols": [limits.PROTOCOL]}
        return ["refused", {"code": str(Code.UNAVAILABLE), "message": breach.reason, "data": protocols}]
    return ["breach", {"code": str(breach.code), "reason": breach.reason[:500]}]
