"""What both faces do around the handler of an exported command, before and after it runs. Knows no way of waiting."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import monotonic
from typing import Any, TypeVar

from stockade_frontend.errors import CommandError, EncodeError, Failed, InvalidArgs, TooLarge
from stockade_frontend.handled import Export, Handled, HandledCalls
from stockade_frontend.worker import say

__all__ = ["Handling", "check_handler", "check_stream", "conclude", "declare", "refusal", "yields"]

#: Flags of a function's code: it yields; it does so as a coroutine (inspect.CO_*; that module takes 8 ms to import).
_YIELDS = 0x20 | 0x200
#: And those of what somebody would have to await.
_AWAITS = 0x80 | 0x200

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Handling:
    """The call that is being handled: `core.handling`, inside the handler of an exported command."""

    __slots__ = ("_handled", "_look")

    def __init__(self, handled: Handled, look: Callable[[], object]) -> None:
        self._handled = handled
        self._look = look

    @property
    def command(self) -> str:
        """The name it was called by."""
        return self._handled.command

    @property
    def caller(self) -> str:
        """Who asks: the label of a worker, or ``"core"``."""
        return self._handled.caller

    @property
    def trace(self) -> str | None:
        """The W3C traceparent that it came with. Nested calls and emits go on with it by themselves."""
        return self._handled.trace

    @property
    def deadline(self) -> float | None:
        """Seconds left, 0 at the least, or None if it has all the time."""
        if self._handled.deadline is None:
            return None
        return max(0.0, self._handled.deadline - monotonic())

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for it any more: its time is over, or its caller has gone. Looks at the sockets."""
        if self._handled.stopped is None:
            self._look()
        return self._handled.stopped is not None

    def check(self) -> None:
        """Raise Cancelled, or DeadlineExceeded, if nobody waits for it any more: let it pass."""
        if self.cancelled and self._handled.stopped is not None:
            raise self._handled.stopped


def declare(
    calls: HandledCalls, is_ready: bool, name: str, concurrency: int, idempotent: bool, view: bool
) -> Callable[[_Function], _Function]:
    """The decorator behind `export` of both faces."""
    if not isinstance(name, str):
        raise TypeError(f'export takes the name of the command, not {name!r}: write @core.export("thumbs.make")')
    if is_ready:
        raise RuntimeError("what a worker exports is said with `ready`: export before that, and before `run`")

    def decorate(handler: _Function) -> _Function:
        calls.export(name, Export(handler, concurrency, idempotent, view))
        return handler

    return decorate


def check_handler(handler: Any) -> None:
    """Raise TypeError for what a connection without asyncio cannot call, or nobody would await."""
    if not callable(handler):
        raise TypeError(f"{handler!r} cannot be called: give a function")
    if getattr(getattr(handler, "__code__", None), "co_flags", 0) & _AWAITS:
        raise TypeError(f"{handler.__name__} is an async def: write def, or connect with stockade_frontend.aio")


def yields(handler: Callable[..., Any]) -> bool:
    """Whether it is a generator function, of either kind."""
    return bool(getattr(getattr(handler, "__code__", None), "co_flags", 0) & _YIELDS)


def check_stream(handled: Handled) -> None:
    """Raise InvalidArgs if a stream is asked of what does not yield, or none of what does."""
    if yields(handled.export.handler) is not ("yield" in handled.ends):
        raise InvalidArgs(
            f"{handled.command} does not stream: invoke() it"
            if "yield" in handled.ends
            else f"{handled.command} streams: stream() it"
        )


def refusal(error: Exception, handled: Handled, label: str) -> CommandError:
    """What the caller learns of what a handler raised: an answer as it is; of everything else the log has the rest."""
    if isinstance(error, CommandError):
        return error
    if isinstance(error, TypeError) and _is_of_the_call(error):
        return InvalidArgs(str(error))
    reference = f"{label}/{handled.id}"
    say(f"{handled.command} failed (reference {reference})")
    sys.excepthook(type(error), error, error.__traceback__)
    return Failed(f"the command failed; the log of its worker has the reason as {reference}", {"reference": reference})


def _is_of_the_call(error: TypeError) -> bool:
    """Whether calling the handler raised it, and not the handler: then no frame stands behind the one that called."""
    trace = error.__traceback__
    return trace is not None and trace.tb_next is None


def conclude(calls: HandledCalls, handled: Handled, value: Any, error: CommandError | None) -> None:
    """Answer. What cannot be sent as a result is an error for the caller, and said here."""
    if error is not None:
        calls.fail(handled, error)
        return
    try:
        calls.result(handled, value)
    except (EncodeError, TooLarge) as fault:
        say(f"the result of {handled.command} cannot be sent: {fault}")
