"""What waits to be sent to one worker: encoded messages, counted in bytes, cut into batches. Knows no socket."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import attrs

from stockade import limits
from stockade.core.wire.codec import encode, join
from stockade.core.wire.happenings import Raw

__all__ = ["Batch", "Laden", "Outbox"]

#: An array header is at most three bytes for the 1024 messages of a batch.
_HEADER = 3
#: The first frame, and the raw ones behind it.
Batch = tuple[bytes, Sequence[Raw]]
#: The indexes that a frame may have, encoded.
_INDEXES = tuple(encode(index) for index in range(limits.FRAMES + 1))


@attrs.frozen(eq=False)
class Laden:
    """An encoded message with raw frames: its text is cut in pieces where their indexes stand, one more than frames.

    Which index a frame has is known when the batch is cut.
    """

    pieces: tuple[bytes, ...]
    frames: tuple[Raw, ...]

    def __len__(self) -> int:
        """Its bytes on the wire, all frames together, at most."""
        return sum(map(len, self.pieces)) + sum(map(len, self.frames)) + 2 * len(self.frames)

    def text(self, first: int) -> bytes:
        """The encoded message, where its frames are those from `first` on."""
        indexes = _INDEXES[first : first + len(self.frames)]
        return self.pieces[0] + b"".join(map(bytes.__add__, indexes, self.pieces[1:]))


@attrs.define
class Outbox:
    """Messages in the order in which they were put, of at most `bound` bytes; a batch is at most `largest` bytes."""

    bound: int
    largest: int
    _parts: deque[bytes | Laden] = attrs.field(factory=deque)
    size: int = 0
    _laden: int = 0  # of the messages, those with raw frames
    _full: int = attrs.field(init=False)  # bytes of a batch that takes no more
    #: Who waits until items can be put again; whoever takes batches out is to call `wake` when `is_awaited`.
    _waiting: list[Callable[[], None]] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        self._full = min(self.largest, limits.BATCH_BYTES)

    def put(self, part: bytes | Laden) -> None:
        """Add one encoded message, whatever the bound: what must not be added, `has_room` tells."""
        self._parts.append(part)
        self.size += len(part)
        if type(part) is Laden:
            self._laden += 1

    def has_room(self, size: int) -> bool:
        """Whether a message of `size` bytes fits; one always fits in an empty outbox."""
        return not self._parts or self.size + size <= self.bound

    @property
    def is_full(self) -> bool:
        """Whether the worker should be left unread until it has read its answers."""
        return self.size > self.bound

    @property
    def takes_items(self) -> bool:
        """Whether an item of a channel may be put: only while little waits, so that answers find room before them."""
        return self.size < limits.ITEMS_OUT

    def when_it_takes_items(self, then: Callable[[], None]) -> None:
        """Have `then` called, once, when items may be put again, however often it is asked for."""
        if then not in self._waiting:
            self._waiting.append(then)

    @property
    def is_awaited(self) -> bool:
        """Whether `wake` is due."""
        return bool(self._waiting) and self.takes_items

    def wake(self) -> None:
        """Call those who wait."""
        waiting, self._waiting = self._waiting, []
        for then in waiting:
            then()

    def __bool__(self) -> bool:
        return bool(self._parts)

    def batch(self) -> Batch:
        """The next batch, taken out. The outbox must not be empty."""
        parts = self._parts
        fits = len(parts) == 1 or (len(parts) <= limits.BATCH and self.size + _HEADER <= self._full)
        if fits and not self._laden:
            taken = list(parts)
            parts.clear()
            self.size = 0
            return join(taken, len(taken)), ()  # type: ignore[arg-type]  # none is laden
        return self._cut()

    def _cut(self) -> Batch:
        taken: list[bytes] = []
        frames: list[Raw] = []
        size = _HEADER
        while self._parts and len(taken) < limits.BATCH:
            part = self._parts[0]
            further = len(part.frames) if type(part) is Laden else 0
            if taken and (size + len(part) > self._full or len(frames) + further > limits.FRAMES):
                break
            self._parts.popleft()
            size += len(part)
            self.size -= len(part)
            if type(part) is Laden:
                self._laden -= 1
                taken.append(part.text(len(frames) + 1))
                frames += part.frames
            else:
                taken.append(part)  # type: ignore[arg-type]  # the other of two
        return join(taken, len(taken)), frames

    def clear(self) -> int:
        """Throw everything away; the number of messages that were. Nobody is to wait for it any more."""
        count = len(self._parts)
        self._parts.clear()
        self.size = self._laden = 0
        return count
