"""One worker's batches, handled message by message, a bounded turn at a time. Knows no message's meaning.

What one says goes to the handler of its happening; the worker is left unread while its batch waits for its next turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

import attrs

from stockade import limits
from stockade.core.burden import Burden
from stockade.core.wire.conversation import Conversation
from stockade.core.wire.happenings import Happening, Message, Raw
from stockade.errors import Breach, BreachCode

if TYPE_CHECKING:
    from stockade.core.link import Link
    from stockade.core.outbox import Laden

__all__ = ["Batches"]


@attrs.define(eq=False)
class Batches:
    """Reads one generation. `at_once` answers what has come alone, if it can; `end` ends it for a breach; `stumbled`
    answers the message that a fault of our own was in, as it came, and as what it made happen if it was read.
    """

    _loop: asyncio.AbstractEventLoop
    _link: Link
    _conversation: Conversation
    _largest: int
    _burden: Burden
    _at_once: Callable[[Message], bytes | Laden | None]
    _handlers: Mapping[type[Happening], Callable[[Any], None]]
    _end: Callable[[Breach], None]
    _stumbled: Callable[[Any, Happening | None, Exception], None]
    silent: bool = False  # nothing that the worker says is handled any more
    _messages: Iterator[Any] = attrs.field(factory=lambda: iter(()))  # of the batch that is being handled

    def take(self, frame: bytes, frames: Sequence[Raw]) -> bytes | Laden | None:
        """Handle a batch with its raw frames; the first breach in it ends the worker.

        Returns the encoded answer that is all that is to be said to it, if it could be answered at once.
        """
        if self.silent:
            return None
        if frames or len(frame) > limits.SMALL_BATCH:
            self._take_large(frame, frames)
            return None
        try:
            batch = self._conversation.open(frame)
        except Breach as breach:
            self._end(breach)
            return None
        if len(batch) == 1 and (answer := self._at_once(batch[0])) is not None:
            return answer
        self._burden.weight = len(frame)
        self._messages = iter(batch)
        self._handle()
        return None

    def _take_large(self, frame: bytes, frames: Sequence[Raw]) -> None:
        begin = monotonic()
        size = len(frame) if not frames else len(frame) + sum(map(len, frames))
        try:
            if size > self._largest:
                raise Breach(BreachCode.TOO_LARGE, f"a batch of {size} bytes, over {self._largest}")
            batch = self._conversation.open(frame, frames)
        except Breach as breach:
            self._end(breach)
            return
        # Of many messages in a large batch one may be all of it: with the mean, a thousand such calls pass for small.
        self._burden.weight = None if size > limits.HEAVY and len(batch) > 1 else size // len(batch)
        self._messages = iter(batch)
        took = monotonic() - begin
        if took > limits.SLOW_FRAME:
            # One frame of 16 MiB may take seconds to decode. Whoever sends such ones gets half of the loop at most.
            self._link.suspend()
            self._loop.call_later(took, self._go_on)
        else:
            self._handle()

    def _handle(self) -> None:
        """Handle the batch, as far as a turn goes; the rest has to wait for the others."""
        take, handlers, end = self._conversation.take, self._handlers, monotonic() + limits.TURN_SECONDS
        message: Any = None
        happening: Happening | None = None
        try:
            for message in self._messages:
                happening = None
                happening = take(message)
                if happening is not None:
                    handlers[type(happening)](happening)
                if monotonic() > end:
                    self._link.suspend()
                    self._link.gather(True)
                    self.go_on_soon()
                    return
        except Breach as breach:
            self._end(breach)
            return
        except Exception as fault:  # noqa: BLE001 (of our own: neither its call nor those behind it shall hang)
            self._stumbled(message, happening, fault)
            self._link.suspend()
            self.go_on_soon()
            return
        if self._burden.is_too_much():
            self._link.suspend()
        else:
            self._link.proceed()

    def go_on_soon(self) -> None:
        """Handle what is left, or read on, in the loop's next round."""
        self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        self._link.gather(False)
        if not self.silent:
            self._handle()
        self._link.flush_unless_gathering()  # now: what comes next would join it, and batches grow unequal
