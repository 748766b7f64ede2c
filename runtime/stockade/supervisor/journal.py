"""What the supervisor logs, and what its children write, on its way to the terminal. Knows no child and no loop."""

from __future__ import annotations

import time
from collections.abc import Iterable

import attrs

from stockade import limits
from stockade.observe.logs import FORMATS, Record, is_shown
from stockade.observe.outlet import Outlet, OutletStatistics
from stockade.supervisor.actions import Say
from stockade.supervisor.terminal import Terminal

__all__ = ["Journal", "Relay"]

#: The level of what a worker writes to its stdout and stderr.
_OUTPUT_LEVEL = "info"


class Journal:
    """All log lines of a system, in one bounded buffer: a reader that stops reading stops nothing here."""

    def __init__(self, terminal: Terminal, log_format: str, log_level: str, color: bool) -> None:
        self._format = FORMATS[log_format]
        self._level = log_level
        self._color = color
        self._outlet = Outlet(terminal.write, self._notice)
        self.descriptor = terminal.descriptor

    @property
    def is_waiting(self) -> bool:
        """Whether lines wait: call `flush` when `descriptor` can be written."""
        return self._outlet.is_waiting

    def say(self, said: Say) -> None:
        """Log what the supervisor has decided or seen."""
        if is_shown(said.level, self._level):
            record = Record(time.time(), said.level, "supervisor", said.message, said.event, said.fields, said.lines)
            self._outlet.put(self._line(record))

    def output(self, source: str, stream: str, lines: Iterable[str]) -> None:
        """Log what a child has written to its stdout or stderr."""
        if is_shown(_OUTPUT_LEVEL, self._level):
            for line in lines:
                self._outlet.put(self._line(Record(time.time(), _OUTPUT_LEVEL, source, line, stream=stream)))

    def relay(self, lines: bytes) -> None:
        """Log lines that the core has formatted itself; whole ones."""
        if lines:
            self._outlet.put(lines)

    def flush(self) -> None:
        """Write what can be written now."""
        self._outlet.flush()

    def statistics(self) -> OutletStatistics:
        """Lines written, dropped and waiting."""
        return self._outlet.statistics()

    def _line(self, record: Record) -> bytes:
        return self._format(record, self._color).encode("utf-8", "backslashreplace") + b"\n"

    def _notice(self, count: int) -> bytes:
        words = f"{count} log lines were dropped: nobody read them fast enough"
        fields = {"lines_dropped": count}
        return self._line(Record(time.time(), "warning", "supervisor", words, event="output_dropped", fields=fields))


@attrs.define
class Relay:
    """Cuts what a core's log pipe gives into whole lines, bounded as those of a worker are."""

    _rest: bytes = b""

    def feed(self, data: bytes) -> bytes:
        """The whole lines that are there now."""
        whole, newline, rest = (self._rest + data).rpartition(b"\n")
        if len(rest) > limits.CONTROL_LINE:  # no log line is so long: let it go in pieces
            whole, newline, rest = whole + newline + rest, b"\n", b""
        self._rest = rest
        return whole + newline

    def finish(self) -> bytes:
        """What is left at the core's end, made a line."""
        rest, self._rest = self._rest, b""
        return rest + b"\n" if rest else b""
