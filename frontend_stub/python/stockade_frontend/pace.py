"""How often this worker may call, where the core limits it (protocol, section 5). Knows no clock and no call."""

from __future__ import annotations

__all__ = ["Pace"]


class Pace:
    """So many calls a second, and after a pause those of one second at once: the core counts in the same way."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._burst = max(1.0, rate)
        self._tokens = self._burst
        self._at: float | None = None

    def take(self, now: float) -> float:
        """Take one call: 0 if it may be made now, else the seconds until one may be, and nothing is taken."""
        if self._at is not None:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1.0:
            return (1.0 - self._tokens) / self._rate
        self._tokens -= 1.0
        return 0.0
