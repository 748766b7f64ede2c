"""Messages that wait to be sent, gathered into batches (protocol, section 5). Knows bytes alone, and no socket."""

from __future__ import annotations

from collections import deque

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
    (who puts it in has checked).
    """

    __slots__ = ("_batch", "_waiting", "batches", "messages", "size")

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._batch: bytes | None = None
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

    def batch(self) -> bytes | None:
        """The next frame, or None; the same one until `sent()`."""
        if self._batch is None and self._waiting:
            self._batch = self._gather()
        return self._batch

    def sent(self) -> bytes | None:
        """The frame that `batch()` gave has gone: the next one, or None."""
        self.batches += 1
        self._batch = self._gather() if self._waiting else None
        return self._batch

    def _gather(self) -> bytes:
        waiting = self._waiting
        if len(waiting) == 1:
            return b"\x81" + waiting.popleft()
        chosen, size = [waiting.popleft()], LARGEST_HEAD
        size += len(chosen[0])
        while waiting and len(chosen) < self.messages and size + len(waiting[0]) <= self.size:
            size += len(waiting[0])
            chosen.append(waiting.popleft())
        return _head(len(chosen)) + b"".join(chosen)
