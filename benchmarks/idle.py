"""What does a core cost whose workers are idle: 1, 10, 100 and 200 of them?"""

from __future__ import annotations

import time

import attrs

from benchmarks import native
from benchmarks.conductor import Conductor
from benchmarks.figures import Figure, Result, Table
from benchmarks.loads import load
from benchmarks.processes import Spent, resident, spent
from benchmarks.system import System

__all__ = ["measure"]

COUNTS = (1, 10, 100, 200)
#: Before the clock runs: what starting leaves to do has been done by then.
_SETTLE = 3.0


@attrs.frozen
class _Idle:
    """What a core and its supervisor held, in bytes, and spent in each second."""

    core_memory: int
    supervisor_memory: int
    core: Spent
    supervisor: Spent


def measure(quick: bool) -> Result:
    """One system for each count, side by side: read /proc, wait a minute, read it again.

    The workers are programs in C, whose processor and memory are not asked for: the core cannot tell in what language
    a worker is written.
    """
    if why := native.skipped("workers are played by programs in C"):
        return Result((), skipped=tuple(why))
    seconds = 2.0 if quick else 60.0
    counts = (1, 10) if quick else COUNTS
    with Conductor() as conductor:
        systems = {count: load(conductor, f"idle-{count}", count)[0] for count in counts}
        time.sleep(_SETTLE)
        found = _watch(systems, seconds)
    few, many = counts[0], counts[-1]
    each = (found[many].core_memory - found[few].core_memory) / (many - few)
    ten = found[10]
    return Result(
        (
            Figure("core with 10 workers, resident", ten.core_memory / 1e6, "MB", at_most=45),
            Figure("core with 10 workers, CPU per minute", ten.core.cpu * 60e3, "ms", at_most=20),
            Figure("core with 10 workers, wake-ups/s and worker", ten.core.sleeps / 10, at_most=1),
            Figure(f"core, memory of each further worker up to {many}", each / 1024, "KiB", at_most=150),
        ),
        (
            Table(
                "Idle",
                "workers",
                ("core MB", "supervisor MB", "core CPU ms/min", "supervisor CPU ms/min", "core wake-ups/s"),
                tuple((str(count), _row(found[count])) for count in counts),
                "lines",
            ),
        ),
        {"seconds": seconds},
    )


def _watch(systems: dict[int, System], seconds: float) -> dict[int, _Idle]:
    pids = {count: (system.core_pid(), system.pid) for count, system in systems.items()}
    before = {count: (spent(core), spent(supervisor)) for count, (core, supervisor) in pids.items()}
    began = time.monotonic()
    time.sleep(seconds)
    found = {}
    for count, (core, supervisor) in pids.items():
        passed = time.monotonic() - began
        rates = [
            Spent(one.cpu / passed, one.sleeps / passed)
            for one in (spent(core) - before[count][0], spent(supervisor) - before[count][1])
        ]
        found[count] = _Idle(resident(core), resident(supervisor), *rates)
    return found


def _row(idle: _Idle) -> tuple[float, ...]:
    return (
        idle.core_memory / 1e6,
        idle.supervisor_memory / 1e6,
        idle.core.cpu * 60e3,
        idle.supervisor.cpu * 60e3,
        idle.core.sleeps,
    )
