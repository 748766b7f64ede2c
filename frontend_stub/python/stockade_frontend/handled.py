"""Calls that this worker answers: what it exports, and what has been asked of it (protocol, section 5).

Knows no function's inside and no socket: who runs the handlers is the face. Each call is answered here, once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from stockade_frontend.channels import Channels, End
from stockade_frontend.errors import (
    BadMessage,
    Cancelled,
    CommandError,
    CoreBroken,
    DeadlineExceeded,
    EncodeError,
    Failed,
    NotFound,
    TooLarge,
)
from stockade_frontend.messages import Said, error_message, result_message
from stockade_frontend.outbox import LARGEST_HEAD, Outbox
from stockade_frontend.raw import Frames, size_of
from stockade_frontend.timers import Timers

__all__ = ["Export", "Handled", "HandledCalls"]

#: What a command's name may have of characters.
_NAME = 128


class Export(NamedTuple):
    """A command that this worker answers: the function, and how the core may use it."""

    handler: Callable[..., Any]
    concurrency: int
    idempotent: bool
    #: Whether its raw arguments are views of what came, and no copies.
    view: bool


class Handled:
    """A call that this worker answers. `done` once it is answered; `stopped` is why it should not go on, if so.

    `deadline` is on the clock that `now` is from. `when_stopped` is for whoever runs the handler.
    """

    __slots__ = (
        "arguments", "caller", "command", "deadline", "done", "ends", "export", "id", "stopped", "trace",
        "when_stopped",
    )  # fmt: skip

    def __init__(
        self, ident: int, command: str, export: Export, arguments: dict[str, Any], caller: str, trace: str | None
    ) -> None:
        self.id = ident
        self.command = command
        self.export = export
        self.arguments = arguments
        self.caller = caller
        self.trace = trace
        self.ends: dict[str, End] = {}
        self.deadline: float | None = None
        self.done = False
        self.stopped: CommandError | None = None
        self.when_stopped: Callable[[], object] | None = None

    def stop(self, why: CommandError) -> None:
        """It should not go on."""
        if self.stopped is None:
            self.stopped = why
            if self.when_stopped is not None:
                self.when_stopped()


class HandledCalls:
    """All of them. `asked` are those that no handler runs yet, in their order."""

    def __init__(self, label: str, outbox: Outbox, channels: Channels, timers: Timers) -> None:
        self.exports: dict[str, Export] = {}
        self.asked: deque[Handled] = deque()
        #: Calls that have come.
        self.count = 0
        #: What `welcome` says: bytes of a message, containers within each other.
        self.size, self.depth = 0, 32
        self._label = label
        self._outbox = outbox
        self._channels = channels
        self._timers = timers
        self._open: dict[int, Handled] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._open)

    # -- what this worker says ----------------------------------------------------------------------------------------

    def export(self, name: str, export: Export) -> None:
        """Answer this command. Raises ValueError for what cannot be exported."""
        if not 0 < len(name) <= _NAME:
            raise ValueError(f"{name!r} is no command's name: it has 1 to {_NAME} characters")
        if name in self.exports:
            raise ValueError(f"{name!r} is exported already")
        if export.concurrency < 1:
            raise ValueError(f"{name!r} with a concurrency of {export.concurrency}: it would never be called")
        self.exports[name] = export

    def said(self) -> dict[str, Any]:
        """What `ready` says of the exports."""
        return {
            name: {"concurrency": export.concurrency, "idempotent": export.idempotent}
            for name, export in self.exports.items()
        }

    def result(self, handled: Handled, value: Any) -> None:
        """Its result; its channels stay open. What cannot be sent is an error for the caller, and raised.

        A call that has been answered meanwhile, for its time was over, keeps that answer.
        """
        if handled.done:
            return
        try:
            encoded = result_message(handled.id, value, self.depth - 2)
            size = size_of(encoded)
            if size + LARGEST_HEAD > self.size:
                raise TooLarge(f"a result of {size} bytes, where a message may have {self.size}: stream it")
        except TooLarge as error:
            self.fail(handled, error)
            raise
        except EncodeError:
            self.fail(handled, Failed(f"the result of {handled.command} cannot be sent"))
            raise
        self._done(handled)
        self._outbox.put_valued(encoded)

    def fail(self, handled: Handled, error: CommandError) -> None:
        """Its error, with which its channels end too, unless it has been answered."""
        if handled.done:
            return
        if "yield" in handled.ends:  # its end comes before the answer, with the same error
            self._channels.finish(handled.ends["yield"], error)
        self._done(handled)
        self._outbox.put(error_message("error", handled.id, error))
        for end in handled.ends.values():
            self._channels.close(end, error)

    def _done(self, handled: Handled) -> None:
        handled.done = True
        del self._open[handled.id]

    # -- what the core says -------------------------------------------------------------------------------------------

    def call(
        self, ident: int, command: str, arguments: dict[str, Any], said: Said | None, frames: Frames, now: float
    ) -> None:
        """The core asks. Raises `CoreBroken` for what may not come."""
        if ident <= self._last:
            raise CoreBroken(f"call {ident} after call {self._last}")
        self._last = ident
        self.count += 1
        ends: dict[str, End] = {}
        trace, caller = None, "core"
        if said is not None:
            ends = self._channels.accept(said.channels)
            arguments = {**arguments, **{name: frames.take(index) for name, index in said.raw.items()}}
            trace, caller = said.trace, said.caller
            if ends.keys() & arguments.keys():
                raise CoreBroken("a call with an argument that stands in two places")
        export = self.exports.get(command)
        handled = Handled(ident, command, export or _NONE, arguments, caller, trace)
        handled.ends = ends
        self._open[ident] = handled
        if said is not None and said.insists is not None:
            self.fail(handled, BadMessage(f"the option {said.insists!r} is not known here"))
            return
        if export is None:
            self.fail(handled, NotFound(f"{self._label} does not export {command!r}"))
            return
        if said is not None and said.deadline is not None:
            if not said.deadline:
                self.expire(handled)
                return
            handled.deadline = now + said.deadline / 1000
            self._timers.add(handled.deadline, handled)
        self.asked.append(handled)

    def cancel(self, ident: int) -> Handled | None:
        """The core wants it no more: the one that is to stop, if it is not answered."""
        if not 0 < ident <= self._last:
            raise CoreBroken(f"a cancel of call {ident}, which was never made")
        handled = self._open.get(ident)
        if handled is not None:
            self._stop(handled, Cancelled("the call was cancelled"))
        return handled

    def expire(self, handled: Handled) -> None:
        """Its time is over: it is answered now, whatever its handler does."""
        error = DeadlineExceeded(f"{handled.command} took longer than it had")
        self._stop(handled, error)
        self.fail(handled, error)

    def _stop(self, handled: Handled, why: CommandError) -> None:
        handled.stop(why)
        if handled in self.asked:
            self.asked.remove(handled)
            self.fail(handled, why)

    # -- for whoever runs the handlers --------------------------------------------------------------------------------

    def begin(self) -> Handled | None:
        """The next one to run, if any. Its arguments are as its handler wants them, its channels apart."""
        if not self.asked:
            return None
        handled = self.asked.popleft()
        if not handled.export.view:
            handled.arguments = _copied(handled.arguments)
        return handled


def _copied(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: bytes(value) if type(value) is memoryview else value for name, value in arguments.items()}


def _no_handler() -> None:
    """In the place of what there is not; it is never called."""


_NONE = Export(_no_handler, 1, False, False)
