"""A system that runs: `stockade run` as a child, its log lines read as they come. Knows no benchmark."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ["ROOT", "System", "SystemFailed"]

#: The folder that `benchmarks` is imported from.
ROOT = Path(__file__).parents[1]
#: From the signal to stop to the kill; a system's own graces together are less.
_PATIENCE = 15.0


class SystemFailed(Exception):
    """The system did not do what the benchmark needs. Holds its last log lines."""


class System:
    """``stockade run FILE`` from the `with` statement to its end; `began` is when it was started, on the monotonic
    clock.
    """

    def __init__(self, file: Path, environment: Mapping[str, str] | None = None) -> None:
        self._file = file
        self._environment = {**os.environ, **(environment or {})}
        self._lines: list[str] = []

    def __enter__(self) -> System:
        argv = [sys.executable, "-m", "stockade", "run", str(self._file), "--log-format", "json"]
        self.began = time.monotonic()
        self._process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=self._environment
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            rest = self._process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            rest = self._process.communicate()
        if error is not None:
            error.add_note(f"The last that {self._file.name} said:\n{_last(rest[1])}")

    @property
    def pid(self) -> int:
        """The supervisor's process."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the supervisor has."""
        return self._process.poll() is not None

    def records(self) -> Iterator[dict[str, Any]]:
        """The log's records, as they come, until the system ends."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._lines.append(line)
            yield json.loads(line) if line.startswith("{") else {"message": line}

    def wait_for(self, event: str) -> dict[str, Any]:
        """The next record of this event. Raises SystemFailed if the system ends before."""
        for record in self.records():
            if record.get("event") == event:
                return record
        raise self.failure(f"it ended before {event}")

    def wait_for_the_end(self) -> None:
        """Wait until it has ended by itself. Raises SystemFailed unless it ended well."""
        for _ in self.records():
            pass
        if self._process.wait() != 0:
            raise self.failure(f"it exited with {self._process.returncode}")

    def core_pid(self) -> int:
        """The core's process: the child of the supervisor that runs `stockade.core`."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        for child in children:
            if b"stockade.core" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0"):
                return int(child)
        raise self.failure("it has no core")

    def failure(self, what: str) -> SystemFailed:
        """That it failed so, with its last log lines."""
        return SystemFailed(f"{self._file.name}: {what}\n{''.join(self._lines[-20:])}")


def _last(lines: str, count: int = 20) -> str:
    return "".join(lines.splitlines(keepends=True)[-count:])
