"""Descriptors that never block: reading a bounded piece, and control lines on their way to a core.

Knows no selector: whoever has one calls these when a descriptor is ready.
"""

from __future__ import annotations

import os

import attrs

from stockade import limits

__all__ = ["ControlWriter", "Overflow", "read_some"]

#: What one read takes: a whole pipe as Linux makes it, so that no pipe holds the loop for longer than another.
_CHUNK = 64 * 1024


class Overflow(Exception):
    """A core does not read its control pipe."""


def read_some(descriptor: int) -> bytes | None:
    """What is there now, up to 64 KiB; None if nothing is, b"" at the end of the file."""
    try:
        return os.read(descriptor, _CHUNK)
    except BlockingIOError:
        return None


@attrs.define
class ControlWriter:
    """Control lines on their way to a core. Nothing is ever dropped: a core that does not read has failed."""

    descriptor: int
    _waiting: bytearray = attrs.field(factory=bytearray)

    @property
    def is_waiting(self) -> bool:
        """Whether something waits: call `flush` when the descriptor can be written."""
        return bool(self._waiting)

    def put(self, line: bytes) -> None:
        """Take one line; raises Overflow when more waits than any core leaves unread."""
        if len(self._waiting) + len(line) > 2 * limits.CONTROL_LINE:
            raise Overflow(f"more than {2 * limits.CONTROL_LINE} bytes wait for it")
        self._waiting += line

    def flush(self) -> None:
        """Write what can be written now; raises BrokenPipeError when nobody reads any more."""
        try:
            while self._waiting:
                taken = os.write(self.descriptor, self._waiting[:_CHUNK])
                del self._waiting[:taken]
        except BlockingIOError:
            return
