"""The channels of one worker's conversation (protocol, section 5): who may send, what has come, how each ends.

Knows no call and no socket. A channel is one-way; a worker numbers those that it opens odd, the core even.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from stockade_frontend.errors import CommandError, CoreBroken, Dropped, Failed, FrontendError, TooLarge, Unavailable
from stockade_frontend.messages import Offer, error_message, item_message, message
from stockade_frontend.outbox import LARGEST_HEAD, Outbox
from stockade_frontend.pending import Pending
from stockade_frontend.raw import size_of
from stockade_frontend.wire import LARGEST_ID

__all__ = ["CREDIT", "Channels", "End", "Receiver", "Sender"]

#: Items that a sender may be ahead of its receiver, unless the receiver says otherwise.
CREDIT = 64


class Sender:
    """The end that sends. `id` is 0 until the call that passes it is sent; `credit` is what it may send now."""

    __slots__ = ("bound", "changed", "credit", "error", "id", "over")

    def __init__(self) -> None:
        self.id = 0
        self.credit = 0
        #: Whether a call has it.
        self.bound = False
        #: Whether nothing more can be sent, and why, if not because this side said so.
        self.over = False
        self.error: FrontendError | None = None
        #: What whoever waits for a change waits for.
        self.changed: Pending | None = None

    @property
    def moves(self) -> bool:
        """Whether there is no reason to wait: there is credit, or there never will be."""
        return self.credit > 0 or self.over

    def offer(self) -> dict[str, Any]:
        """What the call that passes it says of it, behind its id."""
        return {"to": "callee"}

    def reset(self) -> None:
        """The call was not taken; it will be made again."""
        self.id = self.credit = 0


class Receiver:
    """The end that receives, at most `window` items ahead of whoever takes them."""

    __slots__ = ("bound", "changed", "error", "granted", "id", "items", "over", "owed", "view", "window")

    def __init__(self, window: int, view: bool = False) -> None:
        if not 1 <= window <= LARGEST_ID:
            raise ValueError(f"a channel needs a credit of 1 or more, not {window}")
        self.id = 0
        self.window = self.granted = window
        #: Items that were taken, and for which no new credit has been granted yet.
        self.owed = 0
        self.view = view
        self.items: deque[Any] = deque()
        self.bound = False
        #: Whether nothing more will come, and why, if the sender has not just ended it.
        self.over = False
        self.error: FrontendError | None = None
        self.changed: Pending | None = None

    @property
    def moves(self) -> bool:
        """Whether there is no reason to wait: an item is there, or none will come."""
        return bool(self.items) or self.over

    def offer(self) -> dict[str, Any]:
        """What the call that passes it says of it, behind its id."""
        return {"to": "caller", "credit": self.window}

    def reset(self) -> None:
        """The call was not taken; it will be made again."""
        self.id = 0


End = Sender | Receiver


class Channels:
    """All that are open, and the numbers of those that were. Raises `CoreBroken` for what the core may not say."""

    def __init__(self, outbox: Outbox, answered: list[Pending]) -> None:
        self._outbox = outbox
        self._answered = answered
        self._open: dict[int, End] = {}
        self._last_own, self._last_of_core = -1, 0
        #: What `welcome` says: how many this worker may have open, bytes of a message, containers within each other.
        self.limit, self.size, self.depth = 0, 0, 32
        #: What came for channels that had ended, and was ignored.
        self.ignored = 0

    def __len__(self) -> int:
        return len(self._open)

    # -- opening ------------------------------------------------------------------------------------------------------

    def has_room(self, count: int) -> bool:
        """Whether so many more may be opened from here."""
        return sum(number % 2 for number in self._open) + count <= self.limit

    def offers(self, ends: dict[str, End]) -> dict[str, Any]:
        """The option of a call that passes these, with the next ids; `open` makes them so when it is sent."""
        first = self._last_own + 2
        return {name: {"id": first + 2 * at, **end.offer()} for at, (name, end) in enumerate(ends.items())}

    def open(self, ends: dict[str, End]) -> None:
        """The call that passes them is sent."""
        for end in ends.values():
            self._last_own += 2
            end.id = self._last_own
            self._open[end.id] = end

    def end_ended(self, ends: dict[str, End]) -> None:
        """The call that passes them has been put: what this side has ended while it was held is said now."""
        for end in ends.values():
            if end.over and self._open.pop(end.id, None) is not None:
                self._outbox.put(_farewell(end, end.error if isinstance(end.error, CommandError) else None))

    def accept(self, offers: dict[str, Offer]) -> dict[str, End]:
        """The channels that a call of the core's opens. As a receiver this side grants a first credit at once."""
        last, ends = self._last_of_core, {}
        for name, offer in offers.items():
            if offer.id % 2 or offer.id <= last or offer.id in self._open:
                raise CoreBroken(f"a call that opens channel {offer.id}, where the last was {last}")
            self._last_of_core = max(self._last_of_core, offer.id)
            ends[name] = self._open[offer.id] = self._accepted(offer)
        return ends

    def _accepted(self, offer: Offer) -> End:
        end: End
        if offer.to_callee:
            end = Receiver(CREDIT)
            self._outbox.put(message("credit", offer.id, CREDIT))
        else:
            end = Sender()
            end.credit = offer.credit
        end.id, end.bound = offer.id, True
        return end

    # -- what this worker says ----------------------------------------------------------------------------------------

    def send(self, sender: Sender, value: Any) -> None:
        """Send an item, for which there must be credit. Raises EncodeError or TooLarge, and what has ended it."""
        if sender.over:
            raise sender.error or RuntimeError("this channel has been ended, so nothing more can be sent on it")
        encoded = item_message(sender.id, value, self.depth - 2)
        size = size_of(encoded)
        if size + LARGEST_HEAD > self.size:
            raise TooLarge(f"an item of {size} bytes, where a message may have {self.size}: send it in parts")
        sender.credit -= 1
        self._outbox.put_valued(encoded)

    def take(self, receiver: Receiver) -> Any:
        """The next item, which must be there. What was taken is granted anew, half of the window at a time."""
        item = receiver.items.popleft()
        if type(item) is memoryview and not receiver.view:
            item = bytes(item)
        elif type(item) is bytes and receiver.view:
            item = memoryview(item)
        receiver.owed += 1
        if not receiver.over and 2 * receiver.owed >= receiver.window:
            # In this order: an interrupt (Ctrl-C) in between grants twice, and takes no item of the core's for a fault.
            receiver.granted += receiver.owed
            self._outbox.put(message("credit", receiver.id, receiver.owed))
            receiver.owed = 0
        return item

    def finish(self, end: End, error: FrontendError | None = None) -> None:
        """This side ends it, a sender with an error if it could not send everything. Doing so again does nothing."""
        if end.over:
            return
        if end.id in self._open:
            self._outbox.put(_farewell(end, error if isinstance(error, CommandError) else None))
        self.close(end, error)

    def forsake(self, end: End) -> None:
        """Nobody has this end any more: it ends, as nobody will. A sender that this worker has opened ends with an
        error, for whoever was to end it may have failed; one that a handler had, which has answered well, ends well.
        """
        unended = isinstance(end, Sender) and (end.id % 2 or not end.id)  # 0: its call has not gone yet
        self.finish(end, Failed("its sender has forgotten it, and had not ended it") if unended else None)

    # -- what the core says -------------------------------------------------------------------------------------------

    def item(self, number: int, value: Any) -> None:
        """An item has come."""
        end = self._find(number, "an item", Receiver)
        if isinstance(end, Receiver):
            if not end.granted:
                raise CoreBroken(f"an item on channel {number} over its credit")
            end.granted -= 1
            end.items.append(value)
            self._stir(end)

    def ended(self, number: int, error: CommandError | None) -> None:
        """Its sender, the core, has ended it."""
        end = self._find(number, "an end", Receiver)
        if end is not None:
            self.close(end, error)

    def credit(self, number: int, count: int) -> None:
        """Its receiver, the core, takes so many more."""
        end = self._find(number, "credit", Sender)
        if isinstance(end, Sender):
            if not 1 <= count <= LARGEST_ID - end.credit:
                raise CoreBroken(f"a credit of {count} on channel {number}")
            end.credit += count
            self._stir(end)

    def dropped(self, number: int) -> None:
        """Its receiver, the core, wants nothing more."""
        end = self._find(number, "a drop", Sender)
        if end is not None:
            self.close(end, Dropped("its receiver wants nothing more of this channel"))

    def _find(self, number: int, what: str, kind: type[Sender] | type[Receiver]) -> End | None:
        """The open end of this kind; None, and counted, for one that has ended."""
        end = self._open.get(number)
        if end is None:
            if number > (self._last_own if number % 2 else self._last_of_core) or number == 0:
                raise CoreBroken(f"{what} on channel {number}, which was never opened")
            self.ignored += 1
        elif type(end) is not kind:
            raise CoreBroken(f"{what} on channel {number}, from its wrong end")
        return end

    # -- the end ------------------------------------------------------------------------------------------------------

    def close(self, end: End, error: FrontendError | None) -> None:
        """It has ended, for both sides, and nothing more is said of it."""
        self._open.pop(end.id, None)
        if not end.over:
            end.over, end.error = True, error
            self._stir(end)

    def forget(self, ends: dict[str, End]) -> None:
        """The call that opened them never ran, and will be made again: as if they had not been opened."""
        for end in ends.values():
            self._open.pop(end.id, None)
            end.reset()

    def close_all(self) -> None:
        """The conversation is over."""
        for end in list(self._open.values()):
            self.close(end, Unavailable("the conversation with the core has ended"))

    def waiting(self) -> list[Pending]:
        """What is waited for on all of them."""
        return [end.changed for end in self._open.values() if end.changed is not None]

    def _stir(self, end: End) -> None:
        """Whoever waits for a change of this may look again."""
        if end.changed is not None:
            self._answered.append(end.changed.answer())
            end.changed = None


def _farewell(end: End, error: CommandError | None) -> bytes:
    if isinstance(end, Receiver):
        return message("drop", end.id)
    return message("end", end.id) if error is None else error_message("end", end.id, error)
