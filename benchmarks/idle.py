"""What does a core with ten idle workers cost?"""

from __future__ import annotations

import time

import attrs

from benchmarks.figures import Figure, Result
from benchmarks.processes import Spent, resident, spent
from benchmarks.system import System

__all__ = ["measure"]

WORKERS = 10
#: Before the clock runs: what starting leaves to do has been done by then.
_SETTLE = 3.0


def measure(quick: bool) -> Result:
    """Read /proc, wait a minute, read it again."""
    seconds = 10.0 if quick else 60.0
    with System("idle/stockade.toml") as system:
        for _ in range(WORKERS):
            system.wait_for("worker_ready")
        core, supervisor = system.core_pid(), system.pid
        time.sleep(_SETTLE)
        before = spent(core), spent(supervisor)
        began = time.monotonic()
        time.sleep(seconds)
        passed = time.monotonic() - began
        after = spent(core), spent(supervisor)
        memory = resident(core), resident(supervisor)
    of_core, of_supervisor = (_between(*each, passed) for each in zip(before, after, strict=True))
    return Result(
        (
            Figure("core, resident", memory[0] / 1e6, "MB", at_most=45),
            Figure("core, processor per minute", of_core.cpu * 60 * 1000, "ms", at_most=20),
            Figure("core, wake-ups/s and worker", of_core.sleeps / WORKERS, at_most=1),
            Figure("supervisor, resident", memory[1] / 1e6, "MB"),
            Figure("supervisor, processor per minute", of_supervisor.cpu * 60 * 1000, "ms"),
            Figure("supervisor, wake-ups/s", of_supervisor.sleeps),
        ),
        {"workers": WORKERS, "seconds": seconds},
    )


def _between(before: Spent, after: Spent, seconds: float) -> Spent:
    """What was spent from one reading to the other, per second."""
    return attrs.evolve(after, cpu=(after.cpu - before.cpu) / seconds, sleeps=(after.sleeps - before.sleeps) / seconds)
