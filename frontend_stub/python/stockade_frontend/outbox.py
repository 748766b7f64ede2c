"""Messages that wait to be sent, gathered into batches (protocol, section 5). Knows bytes alone, and no socket."""

from __future__ import annotations

from collections import deque
from typing import Any

from stockade_frontend.raw import Parcel

__all__ = ["LARGEST_HEAD", "Outbox"]

#: The head of a batch takes at most so many bytes of a message's limit.
LARGEST_HEAD = 3


def _head(count: int) -> bytes:
    """The head of a CBOR array of so many items, 0 ... 65535."""
    if count < 24:
        return bytes((0x80 | count,))
    if count < 256:
        return bytes((0x98, count))
    return b"\x99" + count.to_bytes(2, "big")


class Outbox:
    """Encoded messages in their order. `batch()` is what to send next, and `sent()` says that it went.

    `messages` and `size` bound one batch: their count, and its bytes; a single message is never larger than `size`
    (who puts it in has checked). A message with raw frames is a batch of its own: it is large.
    """

    __slots__ = ("_batch", "_parcels", "_waiting", "batches", "messages", "size")

    def __init__(self) -> None:
        self._waiting: deque[bytes | Parcel] = deque()
        self._parcels = 0
        self._batch: bytes | Parcel | None = None
        self.messages = 1
        self.size = 0
        #: Batches that were sent.
        self.batches = 0

    def __bool__(self) -> bool:
        return self._batch is not None or bool(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: bytes) -> None:
        """Add one encoded message."""
        self._waiting.append(message)

    def put_valued(self, message: bytes | Parcel) -> None:
        """Add one that may have raw frames."""
        self._waiting.append(message)
        if isinstance(message, Parcel):
            self._parcels += 1

    def only(self) -> bytes | None:
        """The batch of the one message that waits; None where none does or several do, or one with raw frames.

        It is the same as `batch()`, a shorter way: `sent_only()` says that it went.
        """
        waiting = self._waiting
        if len(waiting) != 1 or self._parcels or self._batch is not None:
            return None
        return b"\x81" + waiting[0]  # type: ignore[operator]  # no parcel

    def sent_only(self) -> None:
        """What `only()` gave has gone."""
        self.batches += 1
        self._waiting.clear()

    def batch(self) -> bytes | Parcel | None:
        """What to send next, or None; the same until `sent()`."""
        if self._batch is None and self._waiting:
            self._batch = self._gather()
        return self._batch

    def sent(self) -> bytes | Parcel | None:
        """What `batch()` gave has gone: the next one, or None."""
        self.batches += 1
        self._batch = self._gather() if self._waiting else None
        return self._batch

    def _gather(self) -> bytes | Parcel:
        waiting = self._waiting
        if len(waiting) == 1 or (self._parcels and isinstance(waiting[0], Parcel)):
            return self._alone(waiting.popleft())
        chosen: list[bytes] = []
        size, mixed = LARGEST_HEAD, self._parcels
        while waiting and len(chosen) < self.messages:
            message: Any = waiting[0]
            if mixed and isinstance(message, Parcel):
                break
            size += len(message)
            if size > self.size and chosen:
                break
            chosen.append(message)
            waiting.popleft()
        return _head(len(chosen)) + b"".join(chosen)

    def _alone(self, message: bytes | Parcel) -> bytes | Parcel:
        if not isinstance(message, Parcel):
            return b"\x81" + message
        self._parcels -= 1
        return Parcel(b"\x81" + message.head, message.frames)
