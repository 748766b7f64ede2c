"""What channels of a call are to the one who runs it: an end to send on, or to receive on.

Knows no handler and no wire. Everything here is for the loop's thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from stockade.errors import CommandError

__all__ = ["Incoming", "Outgoing"]


class Outgoing(Protocol):
    """The core's end of a channel that it sends on. `largest` is how many bytes one item may have."""

    sends: ClassVar[bool]  # True
    loop: asyncio.AbstractEventLoop
    largest: int
    #: Why nothing more can be sent; None while it can.
    closed: CommandError | None
    #: Called when it is closed, from whichever end.
    on_closed: Callable[[], None] | None

    def offer(self, value: Any) -> bool:
        """Send an item, a value of the wire; False where there is no credit or no room: `when_room` tells.

        Raises CommandError: why it is closed, or `too_large`.
        """

    def when_room(self, then: Callable[[], None]) -> None:
        """Have `then` called, once, when `offer` is worth another try."""

    def forget(self, then: Callable[[], None]) -> None:
        """Do not call it any more."""

    def end(self, error: CommandError | None = None) -> None:
        """Send nothing more, with an error where that is not all; nothing happens if it is closed."""

    def let_go(self) -> None:
        """`end` it: nobody has it."""


class Incoming(Protocol):
    """The core's end of a channel that it receives on; its length is how many items wait."""

    sends: ClassVar[bool]  # False
    loop: asyncio.AbstractEventLoop
    #: Whether nothing comes behind what waits.
    ended: bool
    #: With what it has ended, if not well.
    error: CommandError | None

    def __len__(self) -> int: ...

    def take(self) -> Any:
        """The item that came first, a value of the wire, a memoryview standing for bytes. There must be one."""

    def when_item(self, then: Callable[[], None]) -> None:
        """Have `then` called, once, when there is something new: an item, or the end."""

    def forget(self, then: Callable[[], None]) -> None:
        """Do not call it any more."""

    def drop(self) -> None:
        """Receive nothing more, and forget what waits."""

    def let_go(self) -> None:
        """`drop` it: nobody has it."""
