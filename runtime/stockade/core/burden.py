"""How many bytes of one worker's own the core holds: large calls in flight, and items that no handler has taken yet.

Knows no call and no channel. Its other bounds are in numbers, and a number of messages of the largest size would be
gigabytes. Above a bound of calls' bytes the worker is left unread until they are fewer. Items are never a reason for
that: their handler may wait for what comes behind them, an item of another channel or a cancel, and would wait for
ever. The worker may send those that it has credit for, so it is credit that is granted with an eye on the bound.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from stockade.core.wire.codec import encode

__all__ = ["Burden", "weight_of"]


def weight_of(value: Any) -> int:
    """Bytes of a value of the wire, about; a memoryview stands for bytes. Costs as much as encoding it."""
    if type(value) is bytes or type(value) is memoryview or type(value) is str:
        return len(value)
    return len(encode(value))


@attrs.define(eq=False)
class Burden:
    """At most about `bound` bytes; `lighter` is called when those of calls have become fewer, and `is_too_much` was
    asked for.
    """

    bound: int
    _lighter: Callable[[], None]
    #: Bytes of each message of the batch that is being handled; None: they differ, weigh each.
    weight: int | None = 0
    bytes: int = 0
    #: Bytes of items that wait for their handlers, and that were promised credit, as large as they are expected.
    ahead: int = 0
    _waits: bool = False

    def add(self, size: int) -> None:
        """The core holds so many more."""
        self.bytes += size

    def remove(self, size: int) -> None:
        """The core holds so many less."""
        self.bytes -= size
        if self._waits and self.bytes <= self.bound:
            self._waits = False
            self._lighter()

    def is_too_much(self) -> bool:
        """Whether the worker is to be left unread, until `lighter` is called."""
        self._waits = self.bytes > self.bound
        return self._waits

    @property
    def room(self) -> int:
        """Bytes of items that may still be promised credit; less than none where more is there than was expected."""
        return self.bound - self.bytes - self.ahead
