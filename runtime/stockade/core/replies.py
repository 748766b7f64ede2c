"""What a worker is answered: encoded, within its limits, and never so much that it fills its outbox.

Knows no socket and no state of the conversation.
"""

from __future__ import annotations

from typing import Any

import attrs

from stockade import __version__, limits
from stockade.config.specs import WorkerLimits
from stockade.core.outbox import Outbox
from stockade.core.policy.decision import Act
from stockade.core.refusals import Refusals
from stockade.core.wire.codec import encode
from stockade.core.wire.conversation import Call, error_message
from stockade.errors import Breach, BreachCode, Code, CommandError

__all__ = ["Replies", "last_words"]

#: Error answers that say no, rather than that something went wrong: counted, and logged with their reason.
_REFUSALS = frozenset({Code.NOT_ALLOWED, Code.NOT_FOUND, Code.INVALID_ARGS, Code.BUSY, Code.TOO_LARGE})
#: How an array of three begins whose first is the text "result".
_RESULT = encode(["result", 0, 0])[:-2]
#: A batch of one has an array header around its message.
_HEADER = 3


@attrs.frozen
class Replies:
    """The answers to one generation of one worker."""

    _limits: WorkerLimits
    _outbox: Outbox
    _refusals: Refusals

    def welcome(self, label: str, generation: int, grants: dict[str, Any]) -> list[Any]:
        """The message that opens the conversation."""
        told = {
            "message": self._limits.message,
            "event": limits.EVENT,
            "batch": limits.BATCH,
            "calls": self._limits.calls,
            "topics": self._limits.topics,
            "depth": limits.DEPTH,
        }
        who = {"protocol": limits.PROTOCOL, "worker": label, "generation": generation}
        return ["welcome", {**who, "core": f"stockade/{__version__}", "limits": told, "grants": grants}]

    def result(self, call: Call, value: Any) -> bytes:
        """The encoded result of a call, or an error where it does not fit; `value` is one of the wire."""
        part = _RESULT + encode(call.id) + encode(value)  # 0.5 µs, the whole list at once takes 0.8
        if len(part) + _HEADER > self._limits.message:
            reason = f"the result has {len(part)} bytes and {self._limits.message} is the limit"
            return self.error(call, CommandError(Code.TOO_LARGE, reason))
        if not self._outbox.has_room(len(part)):
            reason = "the answers that wait for you fill the outbox; read them, then call again"
            return self.error(call, CommandError(Code.BUSY, reason))
        return part

    def error(self, call: Call, error: CommandError) -> bytes:
        """The encoded error of a call, without its data where they do not fit; a refusal is counted."""
        if error.code in _REFUSALS:
            self._refusals.count(Act.CALL, call.command, error.code, error.reason or error.message)
        part = encode(error_message(call.id, error.code, error.message, error.data))
        if len(part) <= limits.HEAVY:
            return part
        if len(part) + _HEADER > self._limits.message or not self._outbox.has_room(len(part)):
            return encode(error_message(call.id, error.code, "there is no room for the error's message and data"))
        return part


def last_words(breach: Breach) -> list[Any]:
    """What a worker is told before its end. One of another version gets the one answer that all versions know."""
    if breach.code is BreachCode.VERSION:
        protocols = {"protocols": [limits.PROTOCOL]}
        return ["refused", {"code": str(Code.UNAVAILABLE), "message": breach.reason, "data": protocols}]
    return ["breach", {"code": str(breach.code), "reason": breach.reason[:500]}]
