"""Whose call gets the next thread: first come first served within a worker, by turns between workers.

Knows no thread: it only counts. Each owner has one place of its own, so that no other owner's hanging calls can keep
it waiting; what goes beyond that place, up to its share, is out of the places that all have together.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Generic, TypeVar

import attrs

__all__ = ["FairQueue"]

_Item = TypeVar("_Item")


@attrs.define
class FairQueue(Generic[_Item]):
    """What waits, by owner. No owner has more than `share` items out at a time; beyond the first of each owner there
    are `common` out at most.
    """

    share: int
    common: int
    #: Owners with something waiting; who was served last stands last.
    _waiting: dict[str, deque[_Item]] = attrs.field(factory=dict, init=False)
    _out: Counter[str] = attrs.field(factory=Counter, init=False)
    _abandoned: Counter[str] = attrs.field(factory=Counter, init=False)
    _beyond: int = attrs.field(default=0, init=False)

    def __len__(self) -> int:
        """How many items wait."""
        return sum(map(len, self._waiting.values()))

    def put(self, owner: str, item: _Item) -> None:
        """Let `item` wait for the owner's turn."""
        self._waiting.setdefault(owner, deque()).append(item)

    def take(self) -> _Item | None:
        """The next item, which is out until `ended` is called for its owner; None where nobody waiting has a place."""
        owner = next(filter(self._has_place, self._waiting), None)
        if owner is None:
            return None
        items = self._waiting.pop(owner)
        item = items.popleft()
        if items:
            self._waiting[owner] = items
        self._beyond += self._out[owner] > 0
        self._out[owner] += 1
        return item

    def abandon(self, owner: str) -> None:
        """Nobody waits any more for one of the owner's items that are out: nobody knows whether it will ever end."""
        self._abandoned[owner] += 1

    def ended(self, owner: str, *, abandoned: bool = False) -> None:
        """An item of the owner's that was out has come back."""
        if abandoned:
            self._abandoned[owner] -= 1
        self._out[owner] -= 1
        self._beyond -= self._out[owner] > 0
        if not self._out[owner]:
            del self._out[owner]

    def is_stuck(self, owner: str) -> bool:
        """Whether what the owner puts now would wait for abandoned items alone, and so perhaps for ever."""
        if self._has_place(owner) or self._lives(owner):
            return False
        return self._out[owner] >= self.share or not any(self._lives(each) for each in self._out if self._out[each] > 1)

    def take_stuck(self) -> list[_Item]:
        """Take back all that waits for abandoned items alone, and so perhaps for ever."""
        stuck = [owner for owner in self._waiting if self.is_stuck(owner)]
        return [item for owner in stuck for item in self._waiting.pop(owner)]

    def remove(self, owner: str, item: _Item) -> bool:
        """Take back an item that waits; False where it waits no more."""
        items = self._waiting.get(owner)
        if items is None or item not in items:
            return False
        items.remove(item)
        if not items:
            del self._waiting[owner]
        return True

    def _has_place(self, owner: str) -> bool:
        out = self._out[owner]
        return out == 0 or (out < self.share and self._beyond < self.common)

    def _lives(self, owner: str) -> bool:
        """Whether an item of the owner's is out that somebody waits for."""
        return self._out[owner] > self._abandoned[owner]
