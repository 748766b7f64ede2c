"""What a process writes, cut into lines that are bounded in length and in number. Knows no pipe and no clock.

Nothing a worker writes can make this hold more than one piece and its last lines: megabytes without a newline come out
in pieces, and what is over the rate is counted, not kept.
"""

from __future__ import annotations

from collections import deque

import attrs

from stockade import limits

__all__ = ["OutputStatistics", "Rate", "Stream"]

#: Marks a piece that does not end where its line ended.
_CONTINUES = " [continues]"
#: The window of the rate, in seconds.
_WINDOW = 1.0


@attrs.frozen
class OutputStatistics:
    """What a process has written, in lines: shown and dropped."""

    shown: int
    dropped: int


@attrs.define
class Rate:
    """How many lines of one process may still be shown in this second, both streams together."""

    _window_ends: float = 0.0
    _left: int = limits.LOG_RATE
    _unsaid: int = 0
    _shown: int = 0
    _dropped: int = 0

    @property
    def deadline(self) -> float | None:
        """When `lost` has something to say, if it has."""
        return self._window_ends if self._unsaid else None

    def admit(self, lines: int, now: float) -> int:
        """How many of so many lines may be shown; the rest is counted as dropped."""
        if now >= self._window_ends:
            self._window_ends, self._left = now + _WINDOW, limits.LOG_RATE
        admitted = min(lines, self._left)
        self._left -= admitted
        self._shown += admitted
        self._dropped += lines - admitted
        self._unsaid += lines - admitted
        return admitted

    def is_spent(self, now: float) -> bool:
        """Whether nothing more may be shown in this second."""
        return self._left == 0 and now < self._window_ends

    def lost(self) -> int:
        """How many lines were dropped since this was last asked."""
        count, self._unsaid = self._unsaid, 0
        return count

    def statistics(self) -> OutputStatistics:
        """Lines until now."""
        return OutputStatistics(self._shown, self._dropped)


@attrs.define
class Stream:
    """One stream of one process: bytes in, lines out."""

    rate: Rate
    _rest: bytes = b""
    _last: deque[bytes] = attrs.field(factory=lambda: deque(maxlen=limits.LAST_LINES))

    def feed(self, data: bytes, now: float) -> list[str]:
        """The lines that `data` completes and the rate admits, as text that is not yet escaped (see `observe.logs`)."""
        if self.rate.is_spent(now):
            return self._skip(data, now)
        pieces = (self._rest + data).split(b"\n")
        self._rest = pieces.pop()
        lines = [part for piece in pieces for part in _cut(piece.removesuffix(b"\r"))]
        while len(self._rest) > limits.LOG_LINE:
            lines.append(self._rest[: limits.LOG_LINE] + _CONTINUES.encode())
            self._rest = self._rest[limits.LOG_LINE :]
        return self._show(lines, now)

    def finish(self, now: float) -> list[str]:
        """What stands without a newline at the end of the stream."""
        rest, self._rest = self._rest, b""
        return self._show([rest], now) if rest else []

    def last_lines(self) -> tuple[str, ...]:
        """The last lines, those over the rate too."""
        return tuple(_text(line) for line in self._last)

    def _skip(self, data: bytes, now: float) -> list[str]:
        """Count without cutting: 64 KiB of `yes` are 32,000 lines, and most of the cost is in making each."""
        *lines, rest = (self._rest + data).rsplit(b"\n", limits.LAST_LINES)
        self._last.extend(line[: limits.LOG_LINE] for line in lines[-limits.LAST_LINES :])
        lost = data.count(b"\n") + len(rest) // (limits.LOG_LINE + 1)
        self._rest = rest[-limits.LOG_LINE :]
        self.rate.admit(lost, now)
        return []

    def _show(self, lines: list[bytes], now: float) -> list[str]:
        self._last.extend(lines[-limits.LAST_LINES :])
        return [_text(line) for line in lines[: self.rate.admit(len(lines), now)]]


def _cut(line: bytes) -> list[bytes]:
    """A line in pieces of LOG_LINE; all but the last are marked."""
    size = limits.LOG_LINE
    if len(line) <= size:
        return [line]
    pieces = [line[start : start + size] for start in range(0, len(line), size)]
    return [piece + _CONTINUES.encode() for piece in pieces[:-1]] + pieces[-1:]


def _text(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace")
