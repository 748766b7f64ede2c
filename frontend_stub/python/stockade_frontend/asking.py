"""How a call is to be made, beyond its command and arguments, and how far it is. Knows no message and no clock."""

from __future__ import annotations

from math import ceil
from types import EllipsisType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from stockade_frontend.channels import Receiver, Sender
    from stockade_frontend.handled import Handled

__all__ = ["PLAIN", "Asking", "Manner"]

#: Seconds before a call that was answered `busy` is tried again: doubled each time, from the first to the last.
_FIRST, _LAST = 0.001, 0.2
#: Milliseconds that are no time left, but what the sum of a clock and a timeout is off by: 50 would be called 51.
_NOISE = 0.001
#: Seconds, about thirty years: clocks of the system count no further than some centuries. No nan is below it.
_LONGEST = 1e9


class Manner(NamedTuple):
    """What `options` of either face was told; `timeout` in seconds, None: no deadline, ``...``: the core's own."""

    timeout: float | EllipsisType | None = ...
    wait: bool = True
    idempotent: bool = False
    view: bool = False
    trace: str | None = None

    def checked(self) -> Manner:
        """Itself. Raises TypeError or ValueError for a timeout that is none, before it is used."""
        timeout = self.timeout
        if timeout is not None and not isinstance(timeout, EllipsisType):
            if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
                raise TypeError(f"timeout={timeout!r}: write seconds, as in 2.0, or None for as long as it takes")
            if not timeout <= _LONGEST:
                raise ValueError(f"timeout={timeout!r} is too long: write None for as long as it takes")
        return self

    def asking(self, now: float) -> Asking:
        """A call in this manner, made now."""
        asking = Asking()
        if self.timeout is None:
            asking.unlimited = True
        elif not isinstance(self.timeout, EllipsisType):
            asking.deadline = now + self.timeout
        asking.wait, asking.idempotent, asking.view, asking.trace = self.wait, self.idempotent, self.view, self.trace
        return asking


#: The manner of a call without options.
PLAIN = Manner()


class Asking:
    """What `core.options` said of one call, what it belongs to, and what has become of it.

    `deadline` is on the clock that `now` is from; None: the core's own applies, unless it is `unlimited`. `wait`:
    whether `busy` is tried again. `ends` are the channels that are passed, by argument. `again` is when to try again.
    """

    __slots__ = ("_tries", "again", "deadline", "ends", "idempotent", "parent", "trace", "unlimited", "view", "wait")

    def __init__(self) -> None:
        self.deadline: float | None = None
        self.unlimited = False
        self.wait = True
        self.idempotent = False
        self.view = False
        self.trace: str | None = None
        self.parent: Handled | None = None
        self.ends: dict[str, Sender | Receiver] = {}
        self.again: float | None = None
        self._tries = 0

    def put_off(self, now: float, seed: object, default: int | None) -> float:
        """The core is busy: when to try again, at the deadline at the latest.

        `default` is the core's own deadline in milliseconds, which holds from now on: else each try would have it anew.
        """
        if self.deadline is None and not self.unlimited and default is not None:
            self.deadline = now + default / 1000
        pause = min(_LAST, _FIRST * 2**self._tries)
        self._tries = min(self._tries + 1, 30)
        # Half of it by chance, so that those who were refused together do not come again together. Hashes of text
        # differ from process to process, which is chance enough.
        self.again = now + pause * (0.5 + 0.5 * (hash((str(seed), self._tries)) % 1024) / 1024)
        return self.again if self.deadline is None else min(self.again, self.deadline)

    def seen(self, value: Any) -> Any:
        """A result as it was asked for: as a view also what was small enough to come within its message."""
        return memoryview(value) if self.view and type(value) is bytes else value

    def options(self, now: float) -> dict[str, Any]:
        """What the message says of it, but for channels and raw frames."""
        options: dict[str, Any] = {}
        if self.unlimited:
            options["deadline"] = None
        elif self.deadline is not None:
            options["deadline"] = max(0, ceil((self.deadline - now) * 1000 - _NOISE))
        if self.parent is not None:
            options["parent"] = self.parent.id
        if self.trace is not None:
            options["trace"] = self.trace
        if self.idempotent:
            options["idempotent"] = True
        return options
