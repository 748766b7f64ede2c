"""A real supervisor with real children, its log read as JSON; and plans for it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from stockade.control import Plan, WorkerPlan

PROGRAMS = Path(__file__).parent / "programs"
#: Generous: the machine may be busy. Conditions are polled, so that no test waits for longer than it must.
PATIENCE = 20.0

#: A worker that lives until its stdin ends. Its secret is the first line.
OBEDIENT = "import sys; sys.stdin.readline(); sys.stdin.read()"


def worker(label: str, code: str = OBEDIENT, **changes: Any) -> WorkerPlan:
    """A worker that runs this Python code, with short times."""
    environment = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"}
    plan = WorkerPlan(
        label=label,
        argv=(sys.executable, "-S", "-c", code),
        environment=environment,
        restart="on-failure",
        restarts=3,
        within=60.0,
        backoff_first=0.01,
        backoff_longest=0.05,
        stable=60.0,
        start_limit=10.0,
        stop_grace=0.3,
        stdin_grace=2.0,
        term_grace=0.3,
    )
    return attrs.evolve(plan, **changes)


def make_plan(folder: Path, *workers: WorkerPlan, configuration: Any = None, **changes: Any) -> Plan:
    """A plan of these workers; what the core hears is written to ``heard`` in the folder."""
    plan = Plan(
        folder=str(folder),
        workers=workers,
        core_environment=dict(os.environ),
        core_restarts=3,
        core_within=60.0,
        core_grace=2.0,
        silence=10.0,
        log_format="json",
        log_level="debug",
        color=False,
        debuggable=True,
        configuration={"heard": str(folder / "heard"), **(configuration or {})},
    )
    return attrs.evolve(plan, **changes)


def until(condition: Callable[[], Any], what: str) -> Any:
    """The first true value of `condition`; fails with `what` when there is none in time."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"not in {PATIENCE:g} s: {what}")
        time.sleep(0.01)
    return value


def is_running(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] not in "ZX"
    return False


class System:
    """A supervisor that runs, with its log in a file."""

    def __init__(self, folder: Path, plan: Plan, stderr: int | None = None, **environment: str) -> None:
        self.folder = folder
        self.runs = folder / "runs"
        self.runs.mkdir(exist_ok=True)
        self._log = folder / "log"
        descriptor = os.memfd_create("plan", 0)
        os.write(descriptor, plan.to_json())
        os.lseek(descriptor, 0, os.SEEK_SET)
        with open(self._log, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(PROGRAMS / "supervisor.py"), str(descriptor), str(PROGRAMS / "core.py")],
                stdin=subprocess.DEVNULL,
                stderr=stderr if stderr is not None else log,
                pass_fds=[descriptor],
                env={**os.environ, "XDG_RUNTIME_DIR": str(self.runs), **environment},
                cwd=folder,
            )
        os.close(descriptor)

    @property
    def log(self) -> str:
        """All that it has written."""
        return self._log.read_text()

    def records(self, event: str | None = None, **fields: Any) -> list[dict[str, Any]]:
        """The records of this event and with these fields."""
        found = []
        for line in self.log.splitlines():
            with contextlib.suppress(ValueError):
                record = json.loads(line)
                if event in (None, record.get("event")) and all(record.get(k) == v for k, v in fields.items()):
                    found.append(record)
        return found

    def wait(self, event: str, **fields: Any) -> dict[str, Any]:
        """The first record of this event and with these fields."""
        return until(lambda: self.records(event, **fields), f"{event} {fields} in\n{self.log[-4000:]}")[0]

    def heard(self, kind: str) -> list[dict[str, Any]]:
        """What the core has heard of this kind."""
        file = self.folder / "heard"
        said = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [fields for name, fields in said if name == kind]

    def send(self, number: signal.Signals) -> None:
        """Signal the supervisor."""
        self.process.send_signal(number)

    def exit_code(self) -> int:
        """Wait for its end."""
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            pytest.fail(f"it does not end:\n{self.log[-4000:]}")

    def stop(self) -> int:
        """Ask it to stop, and wait for its end."""
        self.send(signal.SIGTERM)
        return self.exit_code()

    def left_over(self) -> list[str]:
        """Directories that are left of runs."""
        return os.listdir(self.runs)
