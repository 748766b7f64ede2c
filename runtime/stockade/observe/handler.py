"""Python's logging, written as our records: how the core and the application's commands in it log.

Knows no supervisor: its lines go to a descriptor, whoever reads it. Not loaded by the supervisor.
"""

from __future__ import annotations

import logging
import os
import time
import traceback

from stockade.observe.logs import FORMATS, Record
from stockade.observe.outlet import Outlet, OutletStatistics
from stockade.observe.traces import TRACE, ids

__all__ = ["CoreHandler"]


def _level(number: int) -> str:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warning"
    return "info" if number >= logging.INFO else "debug"


class CoreHandler(logging.Handler):
    """Formats what is logged and writes it to `descriptor` (made non-blocking here), dropping with a count.

    ``log.warning("a call was refused", extra={"event": "call_refused", "fields": {"worker": "editor"}})``: `event` and
    `fields` (JSON values) and `counts` are taken from there, a traceback becomes the record's lines; what is logged
    within a trace has its `trace_id` and `span_id`. `source` is who speaks. Thread-safe. Call `flush` now and then when
    `is_waiting`, or when the descriptor can be written: what waits is otherwise written with the next record.
    """

    def __init__(self, descriptor: int, log_format: str, color: bool, source: str = "core") -> None:
        super().__init__()
        os.set_blocking(descriptor, False)
        self._format = FORMATS[log_format]
        self._color = color
        self._source = source
        self._outlet = Outlet.on(descriptor, self._notice)

    @property
    def is_waiting(self) -> bool:
        """Whether lines wait because the descriptor could not be written."""
        return self._outlet.is_waiting

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, now or as soon as the descriptor takes it."""
        try:
            self._outlet.put(self._line(self._record(record)))
            self._outlet.flush()
        except Exception:  # noqa: BLE001 - the contract of logging.Handler: a bad format string must not end the program
            self.handleError(record)

    def flush(self) -> None:
        """Write what waits, as far as that goes without blocking."""
        self.acquire()
        try:
            self._outlet.flush()
        finally:
            self.release()

    def statistics(self) -> OutletStatistics:
        """Lines written, dropped and waiting."""
        return self._outlet.statistics()

    def _record(self, record: logging.LogRecord) -> Record:
        lines: list[str] = []
        if record.exc_info:
            lines = "".join(traceback.format_exception(*record.exc_info)).splitlines()
        fields = dict(getattr(record, "fields", None) or {})
        if record.name not in ("root", "stockade") and not record.name.startswith("stockade."):
            fields.setdefault("logger", record.name)
        trace = TRACE.get()
        if trace is not None:
            fields |= {"trace_id": ids(trace).trace, "span_id": ids(trace).span}
        event = getattr(record, "event", None)
        message = record.getMessage()
        counts, level = getattr(record, "counts", None) or {}, _level(record.levelno)
        return Record(record.created, level, self._source, message, event, fields, tuple(lines), counts=counts)

    def _line(self, record: Record) -> bytes:
        return self._format(record, self._color).encode("utf-8", "backslashreplace") + b"\n"

    def _notice(self, count: int) -> bytes:
        words = f"{count} log lines were dropped: they were written faster than they were read"
        return self._line(
            Record(time.time(), "warning", self._source, words, event="output_dropped", fields={"lines_dropped": count})
        )
