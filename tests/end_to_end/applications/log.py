"""The log of a running system, as it comes: JSON lines, each a record, and waiting for one that fits."""

from __future__ import annotations

import json
import threading
import time
from typing import IO, Any

from applications.processes import PATIENCE

__all__ = ["Log", "Record"]

Record = dict[str, Any]


class Log:
    """Reads `stream` in a thread until its end. Lines that are no JSON objects are kept as ``{"line": text}``."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._records: list[Record] = []
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._stream:
            record = _parsed(line)
            with self._changed:
                self._records.append(record)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def find(self, **fields: Any) -> list[Record]:
        """All records so far that have these fields; what is callable is asked about the value."""
        with self._changed:
            return [record for record in self._records if _fits(record, fields)]

    def wait(self, **fields: Any) -> Record:
        """The first record that has these fields, in the past or to come; fails if there will be none."""
        return self.wait_for(1, **fields)[0]

    def wait_for(self, count: int, **fields: Any) -> list[Record]:
        """The first so many records that have these fields."""
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while True:
                found = [record for record in self._records if _fits(record, fields)]
                if len(found) >= count:
                    return found[:count]
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    break
                self._changed.wait(left)
        raise AssertionError(f"{len(found)} of {count} records with {fields}; the log:\n{self}")

    def forget(self) -> None:
        """Begin anew, for the next test of the same application."""
        with self._changed:
            self._records.clear()

    def lines_of(self, source: str) -> list[str]:
        """What this worker's generation (``editor@1``) has written to its stdout and stderr."""
        return [record["message"] for record in self.find(source=source, stream=lambda stream: stream is not None)]

    def join(self) -> None:
        """Wait for the end of the stream."""
        self._thread.join(PATIENCE)

    def __str__(self) -> str:
        with self._changed:
            return "\n".join(json.dumps(record)[:600] for record in self._records[-60:])


def _parsed(line: bytes) -> Record:
    text = line.decode(errors="replace").rstrip("\n")
    try:
        record = json.loads(text)
    except ValueError:
        record = None
    return record if isinstance(record, dict) else {"line": text}


def _fits(record: Record, fields: dict[str, Any]) -> bool:
    for name, wanted in fields.items():
        value = record.get(name)
        if not (wanted(value) if callable(wanted) else value == wanted):
            return False
    return True
