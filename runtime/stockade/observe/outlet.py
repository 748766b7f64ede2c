"""A bounded buffer of whole lines before a descriptor that may not be read: it never blocks, drops and counts.

Knows no record and no loop: who owns it calls `flush` when the descriptor can be written.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import attrs

from stockade import limits

__all__ = ["Outlet", "OutletStatistics"]

#: Bytes offered in one write.
_CHUNK = 64 * 1024


@attrs.frozen
class OutletStatistics:
    """What an outlet has done: `waiting` in bytes, the others in lines."""

    written: int
    dropped: int
    waiting: int


@attrs.define
class Outlet:
    """Lines on their way out.

    `write` gets bytes, returns how many it took, and raises BlockingIOError for none; any other OSError means that
    nobody will ever read this again: then all lines are dropped, silently but for the count. `notice` makes the line
    that says how many were lost, which goes out before the next one that fits.
    """

    write: Callable[[bytes], int]
    notice: Callable[[int], bytes]
    limit: int = limits.LOG_BUFFER
    broken: bool = False
    _waiting: bytearray = attrs.field(factory=bytearray)
    _unsaid: int = 0
    _dropped: int = 0
    _written: int = 0

    @classmethod
    def on(cls, descriptor: int, notice: Callable[[int], bytes]) -> Outlet:
        """An outlet to a descriptor of our own that is set to non-blocking."""
        return cls(lambda data: os.write(descriptor, data), notice)

    @property
    def is_waiting(self) -> bool:
        """Whether something waits to be written: call `flush` when the descriptor can be written."""
        return bool(self._waiting)

    def put(self, line: bytes) -> None:
        """Take one line (or several that belong together), newline included, whole or not at all."""
        if self.broken or len(self._waiting) + len(line) > self.limit:
            self._dropped += line.count(b"\n")
            self._unsaid += line.count(b"\n")
            return
        self._say_lost()
        self._written += line.count(b"\n")
        self._waiting += line

    def flush(self) -> bool:
        """Write what can be written now; whether nothing waits any more."""
        try:
            while self._waiting:
                taken = self.write(bytes(self._waiting[:_CHUNK]))
                del self._waiting[:taken]
        except BlockingIOError:
            return False
        except OSError:
            self.broken = True
            self._waiting.clear()
        else:
            if self._unsaid and not self.broken:
                self._say_lost()
                return self.flush()
        return True

    def statistics(self) -> OutletStatistics:
        """What it has done until now."""
        return OutletStatistics(self._written, self._dropped, len(self._waiting))

    def _say_lost(self) -> None:
        """The count goes out before the next line: above the limit by one line, so that it can never be lost."""
        if self._unsaid:
            count, self._unsaid = self._unsaid, 0
            self._waiting += self.notice(count)
