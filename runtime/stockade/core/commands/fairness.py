"""Whose call gets the next thread: first come first served within a worker, by turns between workers.

Knows no thread: it only counts. A worker whose calls hang waits for itself alone.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Generic, TypeVar

import attrs

__all__ = ["FairQueue"]

_Item = TypeVar("_Item")


@attrs.define
class FairQueue(Generic[_Item]):
    """What waits, by owner. No owner has more than `share` items out at a time."""

    share: int
    #: Owners with something waiting; who was served last stands last.
    _waiting: dict[str, deque[_Item]] = attrs.field(factory=dict, init=False)
    _out: Counter[str] = attrs.field(factory=Counter, init=False)

    def __len__(self) -> int:
        """How many items wait."""
        return sum(map(len, self._waiting.values()))

    def put(self, owner: str, item: _Item) -> None:
        """Let `item` wait for the owner's turn."""
        self._waiting.setdefault(owner, deque()).append(item)

    def take(self) -> _Item | None:
        """The next item, which is out until `ended` is called for its owner; None where nobody waiting has a share."""
        owner = next((owner for owner in self._waiting if self._out[owner] < self.share), None)
        if owner is None:
            return None
        items = self._waiting.pop(owner)
        item = items.popleft()
        if items:
            self._waiting[owner] = items
        self._out[owner] += 1
        return item

    def ended(self, owner: str) -> None:
        """An item of the owner's that was out has come back."""
        self._out[owner] -= 1
        if not self._out[owner]:
            del self._out[owner]

    def remove(self, owner: str, item: _Item) -> bool:
        """Take back an item that waits; False where it waits no more."""
        items = self._waiting.get(owner)
        if items is None or item not in items:
            return False
        items.remove(item)
        if not items:
            del self._waiting[owner]
        return True
