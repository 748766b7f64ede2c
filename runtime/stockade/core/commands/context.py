"""What a running call stands in: whose it is, until when it may run, within which other call it was made.

Knows no command and no message. It flows by one context variable, so that what a command does on behalf of its call
(a call to a worker, an event) can inherit from it without being handed it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from time import monotonic
from types import MappingProxyType

import attrs

from stockade.core.commands.ports import Incoming, Outgoing

__all__ = ["CURRENT", "Context"]


@attrs.define(eq=False)
class Context:
    """One call. `deadline` is a time of `time.monotonic`, which asyncio's loops count too; None: it has all time.

    `worker` is the label of its caller, `parent` the context of the call that this caller was handling when it made
    this one, `trace` the W3C traceparent that came with it; `channels` are the core's ends of those that it has opened,
    by argument, `taken` whether somebody has them now who ends them, and `held` what of them the command was handed,
    until its answer: what nothing keeps any more ends, and must not end before an error can end it. `cancelled` is
    whether nobody waits for it any more: it was cancelled, or its deadline has passed. Read it from any thread.
    """

    worker: str
    deadline: float | None = None
    parent: Context | None = None
    trace: str | None = None
    channels: Mapping[str, Incoming | Outgoing] = MappingProxyType({})
    taken: bool = False
    held: tuple[object, ...] = ()
    cancelled: bool = False
    _then: list[Callable[[], None]] | None = None

    def left(self) -> float | None:
        """Seconds until the deadline, never negative; None where there is none."""
        return None if self.deadline is None else max(0.0, self.deadline - monotonic())

    def is_over(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and self.deadline <= monotonic()

    def end_untaken(self) -> None:
        """End its channels, and forget what waits on them, if nobody has taken them: a middleware has answered for the
        command, or the call never ran. For the loop's thread; a second time, nothing happens.
        """
        if not self.taken:
            for end in self.channels.values():
                end.let_go()

    def cancel(self) -> None:
        """Nobody waits for it any more. For the loop's thread."""
        self.cancelled = True
        then, self._then = self._then, None
        for each in then or ():
            each()

    def when_cancelled(self, then: Callable[[], None]) -> Callable[[], None]:
        """Have `then` called when it is cancelled, or now if it is; returns what takes that back. For the loop's
        thread.
        """
        if self.cancelled:
            then()
            return _nothing
        if self._then is None:
            self._then = []
        self._then.append(then)
        return lambda: self._forget(then)

    def _forget(self, then: Callable[[], None]) -> None:
        if self._then is not None and then in self._then:
            self._then.remove(then)


#: The call that this task or thread is running; None outside of one, and in an inline command that came without
#: options: setting it would cost each such call 0.2 µs, and nothing that an inline command may do inherits a deadline.
CURRENT: ContextVar[Context | None] = ContextVar("stockade_call", default=None)


def _nothing() -> None:
    """There is nothing to take back."""
