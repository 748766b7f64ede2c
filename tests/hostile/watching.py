"""What tests of hostile workers look at: whether the others are served, and what the core uses up."""

from __future__ import annotations

from pathlib import Path

from applications.application import Application

__all__ = ["SOON", "resident", "serve", "status"]

#: Patience for one call of a bystander, in seconds. Not a figure: a core that is held by a flood takes far longer.
SOON = 5.0


def serve(application: Application, count: int = 20, label: str = "bystander") -> None:
    """The bystander is served, call after call of `add`."""
    bystander = application.puppet(label)
    code = "[core.options(timeout=patience).invoke('add', a=n, b=1) for n in range(count)]"
    assert bystander.do(code, count=count, patience=SOON) == list(range(1, count + 1))


def resident(application: Application) -> float:
    """The resident memory of the core, in MiB."""
    return status(application.core(), "VmRSS") / 1024


def status(pid: int, what: str) -> int:
    """A number of a process's status: proc(5), /proc/PID/status. Sizes are in KiB."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(f"{what}:")]
    return int(line.split()[1])
