"""What waits to be sent to one worker: encoded messages, counted in bytes, cut into batches. Knows no socket."""

from __future__ import annotations

from collections import deque

import attrs

from stockade import limits
from stockade.core.wire.codec import join

__all__ = ["Outbox"]

#: An array header is at most three bytes for the 1024 messages of a batch.
_HEADER = 3


@attrs.define
class Outbox:
    """Messages in the order in which they were put, of at most `bound` bytes; a batch is at most `largest` bytes."""

    bound: int
    largest: int
    _parts: deque[bytes] = attrs.field(factory=deque)
    size: int = 0

    def put(self, part: bytes) -> None:
        """Add one encoded message, whatever the bound: what must not be added, `has_room` tells."""
        self._parts.append(part)
        self.size += len(part)

    def has_room(self, size: int) -> bool:
        """Whether a message of `size` bytes fits; one always fits in an empty outbox."""
        return not self._parts or self.size + size <= self.bound

    @property
    def is_full(self) -> bool:
        """Whether the worker should be left unread until it has read its answers."""
        return self.size > self.bound

    def __bool__(self) -> bool:
        return bool(self._parts)

    def batch(self) -> bytes:
        """The next batch, taken out. The outbox must not be empty."""
        parts = self._parts
        if len(parts) == 1 or (len(parts) <= limits.BATCH and self.size + _HEADER <= self.largest):
            taken = list(parts)
            parts.clear()
            self.size = 0
            return join(taken, len(taken))
        return self._cut()

    def _cut(self) -> bytes:
        taken: list[bytes] = []
        size = _HEADER
        while self._parts and len(taken) < limits.BATCH and (not taken or size + len(self._parts[0]) <= self.largest):
            part = self._parts.popleft()
            taken.append(part)
            size += len(part)
            self.size -= len(part)
        return join(taken, len(taken))

    def clear(self) -> int:
        """Throw everything away; the number of messages that were."""
        count = len(self._parts)
        self._parts.clear()
        self.size = 0
        return count
