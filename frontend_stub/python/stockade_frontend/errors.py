"""What can go wrong in a worker, and whose doing it is. Knows no socket.

What is an answer is an Exception; what ends the conversation is a SystemExit, since a link is made for one process
and nothing more can be said in it. It passes ``except Exception``, runs ``finally`` blocks and ends the process::

    FrontendError
    ├── CommandError        the core's answer: a code, words for people, data for programs; a subclass per code
    │   └── Dropped         nobody reads this channel any more
    ├── EncodeError         the worker's: a value that cannot be sent; `path` says where
    ├── WrongThread         the worker's: a connection belongs to the thread and process that made it
    └── Closed              the worker's: the connection has been closed

    Ended (a SystemExit)
    ├── StartedByHand       2   no supervisor started this process
    ├── Stopped             0   the lifeline has ended: stop now, or the supervisor has gone
    ├── ConnectionLost      1   the core has gone
    ├── Refused             1   the core did not accept the hello
    ├── Breached            1   the core says that this worker broke the protocol
    └── CoreBroken         70   the core broke the protocol
"""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = [
    "BadMessage",
    "Breached",
    "Busy",
    "Cancelled",
    "Closed",
    "CommandError",
    "ConnectionLost",
    "CoreBroken",
    "DeadlineExceeded",
    "Dropped",
    "EncodeError",
    "Ended",
    "Failed",
    "FrontendError",
    "Internal",
    "InvalidArgs",
    "NotAllowed",
    "NotFound",
    "Refused",
    "StartedByHand",
    "Stopped",
    "TooLarge",
    "Unavailable",
    "WrongThread",
    "command_error",
]


class FrontendError(Exception):
    """The root of everything this package raises for a program to handle."""


class CommandError(FrontendError):
    """A call's answer when it is no result, or this stub's own refusal of a call that the core would refuse.

    `code` is one of the protocol's (section 5), or an application's own, which contains a dot (``notes.locked``).
    `message` is for people. `data` is for programs: any value, or None.
    """

    code: str = ""

    def __init__(self, message: str = "", data: Any = None, *, code: str | None = None) -> None:
        super().__init__(message, data)
        if code is not None:
            self.code = code
        self.message = message
        self.data = data

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.message else self.code


class NotAllowed(CommandError):
    """Policy refuses it, or it does not exist and this worker may not know. Asking again does not help."""

    code = "not_allowed"


class NotFound(CommandError):
    """This worker may have it, but there is none."""

    code = "not_found"


class InvalidArgs(CommandError):
    """The arguments do not fit the command; ``data["path"]`` says where."""

    code = "invalid_args"


class Failed(CommandError):
    """The command raised; ``data["reference"]`` finds the reason in the core's log."""

    code = "failed"


class Cancelled(CommandError):
    """The call was cancelled: by this worker, with the call that was being handled when it was made, or by the core."""

    code = "cancelled"


class Dropped(Cancelled):
    """What was to be sent on a channel is not wanted any more: its receiver has dropped it."""


class DeadlineExceeded(CommandError):
    """No answer came within the time given. The core is told, and cancels the command; it may have run all the same."""

    code = "deadline_exceeded"


class Busy(CommandError):
    """Too many at once. It never ran, so trying again is safe; calls do so by themselves, but with ``wait=False``."""

    code = "busy"


class Unavailable(CommandError):
    """Nobody can answer now: the core is stopping, or the worker that ran it has gone."""

    code = "unavailable"


class TooLarge(CommandError):
    """A message or result over the limit of ``core.limits.message`` bytes; what is larger goes through a channel."""

    code = "too_large"


class BadMessage(CommandError):
    """The call's message is malformed: a command's name of no or more than 128 characters."""

    code = "bad_message"


class Internal(CommandError):
    """A bug of the core."""

    code = "internal"


_BY_CODE: dict[str, type[CommandError]] = {
    kind.code: kind
    for kind in (
        NotAllowed, NotFound, InvalidArgs, Failed, Cancelled, DeadlineExceeded,
        Busy, Unavailable, TooLarge, BadMessage, Internal,
    )
}  # fmt: skip


def command_error(code: str, message: str, data: Any) -> CommandError:
    """The error of this code: its own subclass, or `CommandError` itself for an application's codes."""
    kind = _BY_CODE.get(code)
    return kind(message, data) if kind is not None else CommandError(message, data, code=code)


class EncodeError(FrontendError, ValueError):
    """A value that cannot be sent (protocol, section 4): the worker's own bug. `path` says where: ``name[3].size``."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(reason, path)
        self.reason = reason
        self.path = path

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason


class WrongThread(FrontendError, RuntimeError):
    """A connection was used from another thread or process than its own; with ZeroMQ that would be a crash."""


class Closed(FrontendError, RuntimeError):
    """The connection has been closed by this worker."""


class Ended(SystemExit):
    """The conversation is over, and the process with it. `code` is the exit status, `reason` what happened."""

    #: The exit status; a subclass has its own.
    status: ClassVar[int] = 1

    def __init__(self, reason: str) -> None:
        super().__init__(self.status)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class StartedByHand(Ended):
    """The process was not started by a supervisor: what one gives to a worker is missing or makes no sense."""

    status = 2


class Stopped(Ended):
    """The lifeline has ended: the supervisor wants this process to end now, or has gone."""

    status = 0


class ConnectionLost(Ended):
    """The core has closed a connection without taking leave, or has gone."""


class Refused(Ended):
    """The core did not accept the hello."""


class Breached(Ended):
    """The core says that this worker broke the protocol; the process is killed in a moment."""


class CoreBroken(Ended):
    """The core broke the protocol, so nothing that it says can be relied on."""

    status = 70
