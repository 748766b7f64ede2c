"""How often a worker may call, and how many calls of a command may run at once. Knows no worker, command or clock."""

from __future__ import annotations

import math

import attrs

__all__ = ["Places", "Rate", "Statistics"]


@attrs.define
class Rate:
    """A token bucket: `per_second` calls on average, and after a pause a burst of one second's at once.

    At least one call has room in it, so that a rate below one is a pause between calls. What is refused takes nothing:
    who asks too often is not kept out for it. `now` is in seconds of any clock that never goes back.
    """

    per_second: float
    _tokens: float = attrs.field(init=False, default=attrs.Factory(lambda self: self.burst, takes_self=True))
    _at: float | None = attrs.field(init=False, default=None)  # when the tokens were counted; None before the first

    @property
    def burst(self) -> float:
        """So many calls may come at once."""
        return max(1.0, self.per_second)

    def take(self, now: float) -> int:
        """Take one call: 0 where it may come, else the milliseconds until one may, and nothing is taken."""
        if self._at is not None:
            self._tokens = min(self.burst, self._tokens + (now - self._at) * self.per_second)
        self._at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0
        return max(1, math.ceil((1.0 - self._tokens) / self.per_second * 1000))


@attrs.frozen
class Statistics:
    """What `Places` have seen: `taken` now, `refused` since the start."""

    taken: int
    refused: int


@attrs.define(eq=False)
class Places:
    """At most `limit` at once; what comes above is refused and counted, it never waits."""

    limit: int
    _taken: int = attrs.field(init=False, default=0)
    _refused: int = attrs.field(init=False, default=0)

    def take(self) -> bool:
        """Take a place, to be given back once; False where all are taken."""
        if self._taken >= self.limit:
            self._refused += 1
            return False
        self._taken += 1
        return True

    def give_back(self) -> None:
        """Give back a place that was taken."""
        self._taken -= 1

    def statistics(self) -> Statistics:
        """What they have seen."""
        return Statistics(self._taken, self._refused)
