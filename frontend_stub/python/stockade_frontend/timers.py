"""When something is to be looked at again. Knows no clock: `now` is given, in seconds of one that never goes back."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Protocol

__all__ = ["Timed", "Timers"]

#: Below so many entries it is not worth looking for those that are done.
_FEW = 64


class Timed(Protocol):
    """What is timed; once it is `done` its time does not matter any more."""

    @property
    def done(self) -> bool: ...


class Timers:
    """Things and their times. One thing may stand in it several times: who is given it looks at what is due.

    What is done stays in `heap` until its time, but never more of it than there is of the rest, and a few: a thousand
    calls a second with a minute each would otherwise leave sixty thousand behind.
    """

    __slots__ = ("_count", "_full", "heap")

    def __init__(self) -> None:
        #: Empty if there is nothing to look at: the one question that a call without any time asks.
        self.heap: list[tuple[float, int, Timed]] = []
        self._count = 0
        self._full = _FEW

    def add(self, when: float, thing: Timed) -> None:
        """Look at it then."""
        self._count += 1
        heappush(self.heap, (when, self._count, thing))
        if len(self.heap) > self._full:
            self.heap[:] = [entry for entry in self.heap if not entry[2].done]
            heapify(self.heap)
            self._full = max(_FEW, 2 * len(self.heap))

    def next(self) -> float | None:
        """The earliest time, or None."""
        while self.heap and self.heap[0][2].done:
            heappop(self.heap)
        return self.heap[0][0] if self.heap else None

    def due(self, now: float) -> list[Timed]:
        """What is to be looked at by now, the earliest first; it is in here no more."""
        things = []
        while self.heap and self.heap[0][0] <= now:
            things.append(heappop(self.heap)[2])
        return [thing for thing in things if not thing.done]
