"""The one tree of errors, with the codes that cross the wire.

Knows no socket, file or process: only what can go wrong, and whose doing it is::

    StockadeError
    ├── ConfigurationError    the operator's: what is written in stockade.toml (carries every fault found)
    ├── StartError            the machine's: something needed to start is missing or refused
    ├── CommandError          the caller's to see: a call's answer, with a stable code
    │   ├── Cancelled         nobody waits for this call any more
    │   └── Dropped           nobody reads this channel any more
    └── Breach                the peer's: it broke the protocol, and its worker ends
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import attrs

__all__ = [
    "Breach",
    "BreachCode",
    "Cancelled",
    "Code",
    "CommandError",
    "ConfigurationError",
    "Dropped",
    "Fault",
    "StartError",
    "StockadeError",
    "again",
]


class Code(StrEnum):
    """The codes of a refused or failed call: the contract of docs/errors.md. Applications add their own, with a dot."""

    NOT_ALLOWED = "not_allowed"
    NOT_FOUND = "not_found"
    INVALID_ARGS = "invalid_args"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"
    TOO_LARGE = "too_large"
    BAD_MESSAGE = "bad_message"
    INTERNAL = "internal"


class BreachCode(StrEnum):
    """Why a worker was ended for breaking the protocol: the reasons in the log and in ``core:worker/exited``."""

    BAD_FRAME = "bad_frame"  # not CBOR of the strict profile, or a number of frames that may not be
    BAD_MESSAGE = "bad_message"  # CBOR, but not of the shape of its verb
    UNKNOWN_VERB = "unknown_verb"
    OUT_OF_TURN = "out_of_turn"  # a known verb that may not come in this state: a call before hello, hello twice
    ID_NOT_RISING = "id_not_rising"
    UNKNOWN_ANSWER = "unknown_answer"  # a result or error for a call never made, or answered already
    UNKNOWN_CALL = "unknown_call"  # a cancel of a call never made, or a parent that is none
    UNKNOWN_CHANNEL = "unknown_channel"  # a channel never opened, or what the other end of it says
    NO_CREDIT = "no_credit"  # an item over the credit, or more credit than there can be
    EXPORTS = "exports"  # a command in `ready` that the worker may not export
    BAD_SUBSCRIPTION = "bad_subscription"
    BAD_EVENT = "bad_event"  # an emit that is not a topic, a bar and CBOR, or whose name is out of the grammar
    TOO_LARGE = "too_large"  # a message over the limit
    TOO_MANY = "too_many"  # subscriptions that were denied and not taken back
    TOO_MUCH_MEMORY = "too_much_memory"  # it made the core grow: a message without end, a flood of subscriptions
    VERSION = "version"  # a hello of a protocol version that the core does not speak
    AUTHENTICATION = "authentication"  # the wrong name or secret, or a process that is not the worker's
    CONNECTION_LOST = "connection_lost"  # a live worker closed or lost one of its three sockets


@attrs.frozen(order=True)
class Fault:
    """One thing that is wrong in what the operator wrote: where, what, and what to write instead.

    `line` counts from 1; 0 means the file as a whole. Prints as ``file:line: what is wrong; what to write instead``.
    """

    file: str
    line: int
    wrong: str
    instead: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.wrong}; {self.instead}"


class StockadeError(Exception):
    """The root: everything this package raises on purpose."""


class ConfigurationError(StockadeError):
    """What is written in stockade.toml cannot be run; `faults` has every fault found, in the file's order."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


class StartError(StockadeError):
    """Something that is needed to start is missing or refused; the message says what to do about it."""


class CommandError(StockadeError):
    """A call's answer when it is no result, raised by a command for its caller to see.

    `code` is one of `Code`, or an application's own, which contains a dot (``"notes.locked"``). `message` is for
    people. `data` is for programs: any value that can cross the wire. `reason` is for the core's log alone: why it was
    refused, which the caller may not know.
    """

    def __init__(self, code: str, message: str = "", data: Any = None, *, reason: str = "") -> None:
        super().__init__(code, message, data)
        self.code = str(code)
        self.message = message
        self.data = data
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.message else self.code


class Cancelled(CommandError):
    """Raised in a command by ``caller.check()`` once its call was cancelled or is over its deadline: let it pass."""

    def __init__(self, message: str = "the call was cancelled") -> None:
        super().__init__(Code.CANCELLED, message)


class Dropped(CommandError):
    """Raised in a command that sends on a channel whose receiver has dropped it: nobody wants the rest."""

    def __init__(self, message: str = "the channel was dropped by its receiver") -> None:
        super().__init__(Code.CANCELLED, message)


def again(error: CommandError) -> CommandError:
    """The same error, to be raised once more: an exception that is raised twice gathers tracebacks."""
    if isinstance(error, (Cancelled, Dropped)):
        return type(error)(error.message)
    return CommandError(error.code, error.message, error.data, reason=error.reason)


class Breach(StockadeError):
    """A peer broke the protocol. Its worker is told the code and ended; nothing else is disturbed."""

    def __init__(self, code: BreachCode, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}"
