"""The channels of one worker's conversation: who may send how much on which. Knows no call, value or socket.

docs/protocol.md, section 5. A channel is one-way: the core sends on it, or the worker does. A worker numbers those that
it opens odd, the core even; an id that is not above the last one of its kind is one that has been used.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from stockade import limits
from stockade.core.wire.happenings import Offer
from stockade.errors import Breach, BreachCode

__all__ = ["Channels", "Statistics"]


@attrs.frozen
class Statistics:
    """The channels of one conversation so far: open now, opened, items received and sent."""

    open: int
    opened: int
    items_in: int
    items_out: int


@attrs.define
class _Channel:
    core_sends: bool
    credit: int  # items that its sender may still send


@attrs.define
class Channels:
    """All channels of a conversation. `limit` bounds those open at once that the worker has opened."""

    limit: int = limits.CHANNELS
    _open: dict[int, _Channel] = attrs.field(factory=dict)
    _of_worker: int = 0  # of these, how many it has opened
    _last_odd: int = -1
    _last_even: int = 0
    _opened: int = 0
    _items_in: int = 0
    _items_out: int = 0

    # -- opening ------------------------------------------------------------------------------------------------------

    def use(self, offers: Iterable[Offer]) -> None:
        """Note the ids of a call of the worker's, opened or not; raises Breach for one that may not be."""
        last = self._last_odd
        for number in sorted(offer.id for offer in offers):
            if not number % 2:
                raise Breach(BreachCode.ID_NOT_RISING, f"channel {number}: those that a worker opens are odd")
            if number <= last:
                raise Breach(BreachCode.ID_NOT_RISING, f"channel {number} comes after channel {last}")
            last = number
        self._last_odd = last

    def has_room(self, count: int) -> bool:
        """Whether the worker may open so many more."""
        return self._of_worker + count <= self.limit

    def open_offered(self, offers: Iterable[Offer]) -> None:
        """Open the channels of a call of the worker's, their ids having been noted by `use`."""
        for offer in offers:
            self._open[offer.id] = _Channel(offer.to == "caller", offer.credit)
            self._of_worker += 1
            self._opened += 1

    def open_own(self, core_sends: bool, credit: int) -> int:
        """Open a channel of the core's own; returns its id. `credit` is what its sender begins with."""
        self._last_even += 2
        self._opened += 1
        self._open[self._last_even] = _Channel(core_sends, credit)
        return self._last_even

    # -- what the worker says; each raises Breach for what it may not say ---------------------------------------------

    def take_item(self, number: int) -> bool:
        """An item has come: takes a credit. False for a channel that has ended: the item is for nobody."""
        channel = self._open.get(number)
        if channel is None or channel.core_sends:
            self._of_peer(number, "item", core_sends=False)
            return False
        if not channel.credit:
            raise Breach(BreachCode.NO_CREDIT, f"an item on channel {number}, which has no credit left")
        channel.credit -= 1
        self._items_in += 1
        return True

    def take_end(self, number: int) -> bool:
        """Its sender ends it. False for a channel that has ended."""
        return self._of_peer(number, "end", core_sends=False) is not None and self.end(number)

    def take_credit(self, number: int, count: int) -> bool:
        """Its receiver grants more. False for a channel that has ended."""
        channel = self._of_peer(number, "credit", core_sends=True)
        if channel is None:
            return False
        channel.credit += count
        if channel.credit > limits.LARGEST_ID:
            raise Breach(BreachCode.NO_CREDIT, f"a credit of {channel.credit} in all on channel {number}")
        return True

    def take_drop(self, number: int) -> bool:
        """Its receiver ends it. False for a channel that has ended."""
        return self._of_peer(number, "drop", core_sends=True) is not None and self.end(number)

    def _of_peer(self, number: int, verb: str, *, core_sends: bool) -> _Channel | None:
        channel = self._open.get(number)
        if channel is None:
            if number > (self._last_odd if number % 2 else self._last_even) or number == 0:
                raise Breach(BreachCode.UNKNOWN_CHANNEL, f"{verb} on channel {number}, which was never opened")
        elif channel.core_sends is not core_sends:
            other = "receives" if core_sends else "sends"
            raise Breach(BreachCode.UNKNOWN_CHANNEL, f"{verb} on channel {number}, of which the core {other}")
        return channel

    # -- what the core says -------------------------------------------------------------------------------------------

    def sendable(self, number: int) -> int:
        """How many items the core may send now; 0 also where it does not send, and on a channel that has ended."""
        channel = self._open.get(number)
        return channel.credit if channel is not None and channel.core_sends else 0

    def note_item(self, number: int) -> None:
        """The core sends an item. Raises ValueError where it may not: a bug of the core's."""
        channel = self._open.get(number)
        if channel is None or not channel.core_sends or not channel.credit:
            raise ValueError(f"an item on channel {number}, on which the core may not send")
        channel.credit -= 1
        self._items_out += 1

    def note_credit(self, number: int, count: int) -> bool:
        """The core grants the worker more. False for a channel that has ended: nothing is to be said."""
        channel = self._open.get(number)
        if channel is None:
            return False
        if channel.core_sends or count < 1 or channel.credit + count > limits.LARGEST_ID:
            raise ValueError(f"a credit of {count} on channel {number}, which the core may not grant")
        channel.credit += count
        return True

    def end(self, number: int) -> bool:
        """A channel ends, from whichever end. False if it has ended already."""
        if self._open.pop(number, None) is None:
            return False
        self._of_worker -= number % 2
        return True

    def end_each(self, numbers: Iterable[int]) -> tuple[int, ...]:
        """These end; returns those that had not."""
        return tuple(number for number in numbers if self.end(number))

    def end_all(self) -> tuple[int, ...]:
        """All that are open end; returns them."""
        return self.end_each(tuple(self._open))

    def statistics(self) -> Statistics:
        """What there has been so far."""
        return Statistics(len(self._open), self._opened, self._items_in, self._items_out)
