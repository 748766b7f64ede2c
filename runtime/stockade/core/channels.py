"""The channels of one worker, as the core acts on them: items that wait for a handler, handlers that wait for credit.

Knows no rule of the protocol: which ids there are and how much credit is the conversation's. Knows no socket.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import attrs

from stockade import limits
from stockade.core.burden import Burden, weight_of
from stockade.core.commands.ports import Incoming, Outgoing
from stockade.core.outbox import Laden, Outbox
from stockade.core.replies import Replies
from stockade.core.wire import channels as rules
from stockade.core.wire.codec import encode
from stockade.core.wire.happenings import Credit, Drop, End, Item, Offer
from stockade.errors import CommandError, Dropped, again

__all__ = ["Channels"]

#: What an item costs beside its bytes: some objects.
_PER_ITEM = 100
#: An item that has credit counts as this part of the largest at least. Items with credit are never left unread, so what
#: a worker can make the core hold is, beside its calls, Burden's bound (four of the largest messages) and all that it
#: has credit for, if each is suddenly as large as can be: 4 x 32 items in all, and one more for each channel whose
#: handler has waited. Honest ones are as large as they were, and stay near the bound.
_PROMISES = 32


@attrs.define(eq=False)
class Channels:
    """All that are open. `post` sends an encoded message."""

    loop: asyncio.AbstractEventLoop
    _rules: rules.Channels
    _replies: Replies
    _outbox: Outbox
    _burden: Burden
    _post: Callable[[bytes | Laden], None]
    largest: int  # bytes of a piece that a message can carry
    _receiving: dict[int, _Receiving] = attrs.field(factory=dict)
    _sending: dict[int, _Sending] = attrs.field(factory=dict)

    def open(self, offers: Iterable[Offer]) -> dict[str, Incoming | Outgoing]:
        """The core's ends of the channels that a call offers, by argument; a receiving one grants its first credit."""
        opened: dict[str, Incoming | Outgoing] = {}
        for offer in offers:
            if offer.to == "caller":
                opened[offer.argument] = self._sending[offer.id] = _Sending(self, offer.id, self.loop, self.largest)
            else:
                opened[offer.argument] = receiving = self._receiving[offer.id] = _Receiving(self, offer.id, self.loop)
                receiving.grant()
        return opened

    def close(self, numbers: Iterable[int], error: CommandError) -> None:
        """These have ended for both ends, with this error."""
        for number in numbers:
            receiving, sending = self._receiving.pop(number, None), self._sending.pop(number, None)
            if receiving is not None:  # an empty one is false
                receiving.close(error)
            if sending is not None:
                sending.close(error)

    # -- what the worker says -----------------------------------------------------------------------------------------

    def on_item(self, item: Item) -> None:
        """One more waits for its handler."""
        value = item.value
        weight = self._burden.weight
        if weight is None or type(value) is memoryview:
            weight = weight_of(value)
        self._receiving[item.channel].put(value, weight)

    def on_end(self, end: End) -> None:
        """Nothing comes behind what waits."""
        self._receiving.pop(end.channel).close(end.error)

    def on_credit(self, credit: Credit) -> None:
        """Whoever waits to send may."""
        self._sending[credit.channel].wake()

    def on_drop(self, drop: Drop) -> None:
        """Nobody wants more."""
        self._sending.pop(drop.channel).close(Dropped())

    # -- what the core's ends say -------------------------------------------------------------------------------------

    def send(self, number: int, value: Any) -> bool:
        """Send an item, if there are credit and room; raises CommandError (`too_large`)."""
        if not self._rules.sendable(number) or not self._outbox.takes_items:
            return False
        part = self._replies.item(number, value)
        self._rules.note_item(number)
        self._post(part)
        return True

    def when_room(self, number: int, then: Callable[[], None]) -> bool:
        """Have `then` called when there is room, and True; False where it is credit that is missing."""
        if not self._rules.sendable(number):
            return False
        self._outbox.when_it_takes_items(then)
        return True

    def end(self, number: int, error: CommandError | None) -> None:
        """The core sends nothing more."""
        if self._sending.pop(number, None) is not None and self._rules.end(number):
            self._post(self._replies.end(number, error))

    def drop(self, number: int) -> None:
        """The core wants nothing more."""
        if self._receiving.pop(number, None) is not None and self._rules.end(number):
            self._post(encode(["drop", number]))

    def grant(self, number: int, count: int) -> None:
        """The worker may send more."""
        if self._rules.note_credit(number, count):
            self._post(encode(["credit", number, count]))

    def expects(self, size: int) -> None:
        """So many bytes more wait for handlers or have credit, or less."""
        self._burden.ahead += size

    @property
    def room(self) -> int:
        """How many bytes more may have credit."""
        return self._burden.room


@attrs.define(eq=False)
class _Sending:
    """One that the core sends on: an `Outgoing`."""

    sends: ClassVar[bool] = True
    _channels: Channels
    _id: int
    loop: asyncio.AbstractEventLoop
    largest: int
    closed: CommandError | None = None
    on_closed: Callable[[], None] | None = None
    _waiting: list[Callable[[], None]] = attrs.field(factory=list)

    def offer(self, value: Any) -> bool:
        if self.closed is not None:
            raise again(self.closed)
        return self._channels.send(self._id, value)

    def when_room(self, then: Callable[[], None]) -> None:
        if self.closed is not None:
            then()
            return
        self._waiting.append(then)
        self._channels.when_room(self._id, self.wake)

    def forget(self, then: Callable[[], None]) -> None:
        if then in self._waiting:
            self._waiting.remove(then)

    def end(self, error: CommandError | None = None) -> None:
        if self.closed is None:
            self._channels.end(self._id, error)
            self.close(Dropped("the channel was ended"))

    def let_go(self) -> None:
        self.end()

    def close(self, error: CommandError) -> None:
        self.closed = error
        self.wake()
        if self.on_closed is not None:
            self.on_closed()

    def wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for then in waiting:
            then()


@attrs.define(eq=False)
class _Receiving:
    """One that the core receives on: an `Incoming`.

    Its window is what may be under way or wait here: fewer items the larger they have been, and no more than half of
    what the worker has room for, so that its other channels find some. There is always credit for one where a handler
    waits.
    """

    sends: ClassVar[bool] = False
    _channels: Channels
    _id: int
    loop: asyncio.AbstractEventLoop
    ended: bool = False
    error: CommandError | None = None
    _items: deque[tuple[Any, int]] = attrs.field(factory=deque)
    _waiting: list[Callable[[], None]] = attrs.field(factory=list)
    _granted: int = 0  # of that, not used yet
    _promised: int = 0  # bytes that it counts as
    _size: float = attrs.field(init=False)  # bytes of an item, about: as if they were large, until some have come
    _least: int = attrs.field(init=False)  # what one that is granted counts as, however small

    def __attrs_post_init__(self) -> None:
        self._size = self._channels.largest
        self._least = self._channels.largest // _PROMISES

    def put(self, value: Any, size: int) -> None:
        size += _PER_ITEM
        self._granted -= 1
        self._size = size if size > self._size else (self._size + size) / 2
        self._items.append((value, size))
        self._promise(size)
        if self._waiting:
            self._wake()

    def __len__(self) -> int:
        return len(self._items)

    def take(self) -> Any:
        value, size = self._items.popleft()
        self._channels.expects(-size)
        if not self.ended:
            self.grant()
        return value

    def grant(self) -> None:
        """Grant what the window and the worker have room for, once that is worth a message."""
        window = min(limits.WINDOW, max(2, int(limits.WINDOW_BYTES / self._size)))
        more = window - self._granted - len(self._items)
        if more >= window / 2:
            more = min(more, int(self._channels.room / 2 / max(self._least, self._size)))
            idle = not self._granted and not self._items
            if more >= window / 2 or (idle and (more > 0 or self._waiting)):
                self._granted += max(1, more)
                self._promise(0)
                self._channels.grant(self._id, max(1, more))

    def _promise(self, came: int) -> None:
        """Count what is granted as large as items are by now, and so many bytes that have come."""
        promised = int(self._granted * max(self._least, self._size))
        self._channels.expects(came + promised - self._promised)
        self._promised = promised

    def when_item(self, then: Callable[[], None]) -> None:
        self._waiting.append(then)
        if not self._granted and not self.ended:
            self.grant()

    def forget(self, then: Callable[[], None]) -> None:
        if then in self._waiting:
            self._waiting.remove(then)

    def drop(self) -> None:
        if not self.ended:
            self._channels.drop(self._id)
            self.close(None)
        self._channels.expects(-sum(size for _, size in self._items))
        self._items.clear()

    def let_go(self) -> None:
        self.drop()

    def close(self, error: CommandError | None) -> None:
        self.ended, self.error = True, error
        self._granted = 0
        self._promise(0)
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for then in waiting:
            then()
