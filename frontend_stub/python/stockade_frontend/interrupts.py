"""Ctrl-C, held back while a message is half read or half sent. Knows no message.

Python raises KeyboardInterrupt between any two steps of a program. Between ZeroMQ's taking a batch and the note that it
went, the batch would go twice, which ends the worker; between a read and its meaning, answers would be lost.
"""

from __future__ import annotations

from signal import SIGINT, default_int_handler, getsignal, signal
from types import FrameType

__all__ = ["Interrupts"]


class Interrupts:
    """Those of the default handling of SIGINT. A handler of the program's own stays what it is, and must not raise."""

    __slots__ = ("came", "held")

    def __init__(self) -> None:
        #: Whether they are to wait, and whether one does.
        self.held = self.came = False
        if getsignal(SIGINT) is default_int_handler:
            try:
                signal(SIGINT, self._interrupt)
            except ValueError:
                return  # not the main thread, which is the only one to be interrupted

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.held:
            self.came = True
        else:
            default_int_handler(number, frame)

    def let(self) -> None:
        """They need not wait any more. Raises KeyboardInterrupt if one has."""
        self.held = False
        if self.came:
            self.came = False
            raise KeyboardInterrupt

    def close(self) -> None:
        """Leave everything as it was."""
        if getsignal(SIGINT) == self._interrupt:
            signal(SIGINT, default_int_handler)
