"""What tests of hostile workers look at: whether the others are served, and what the core uses up."""

from __future__ import annotations

from pathlib import Path

from applications.application import Application

__all__ = ["SOON", "resident", "serve", "sleeps"]

#: Patience for one call of a bystander, in seconds. Not a figure: a core that is held by a flood takes far longer.
SOON = 5.0


def serve(application: Application, count: int = 20, label: str = "bystander") -> None:
    """The bystander is served, call after call of `add`."""
    bystander = application.puppet(label)
    code = "[core.options(timeout=patience).invoke('add', a=n, b=1) for n in range(count)]"
    assert bystander.do(code, count=count, patience=SOON) == list(range(1, count + 1))


def resident(pid: int) -> float:
    """The resident memory of a process, in MiB."""
    return _status(pid, "VmRSS") / 1024


def sleeps(pid: int) -> int:
    """How often the first thread of a process has gone to sleep: what spins never does, what is woken often does."""
    return _status(pid, "voluntary_ctxt_switches")


def _status(pid: int, what: str) -> int:
    """A number of /proc/PID/status, see proc(5)."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(f"{what}:")]
    return int(line.split()[1])
