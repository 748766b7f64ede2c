"""Does the core's memory grow with the calls that it answers?"""

from __future__ import annotations

import statistics

from benchmarks import native
from benchmarks.conductor import Conductor
from benchmarks.figures import Figure, Result, Table
from benchmarks.loads import load
from benchmarks.processes import resident

__all__ = ["measure"]

MILLION = 1_000_000
#: Calls between two looks, and of these at a time.
STEP, FLIGHT = MILLION // 4, 256
#: Looks that make the first million.
_SETTLED = 4


def measure(quick: bool) -> Result:
    """Eleven million calls by one worker in C; resident memory after each quarter of a million.

    The slope is that of the straight line through what comes after the first million.
    """
    if why := native.skipped("the worker is played by a program in C"):
        return Result((), skipped=tuple(why))
    step, steps = (STEP // 25, 11) if quick else (STEP, 44)
    with Conductor() as conductor:
        system, sides = load(conductor, "memory", 1)
        (side,) = sides.values()
        core, held = system.core_pid(), []
        for _ in range(steps):
            side.play("call", "bench.echo", step, FLIGHT)
            held.append(resident(core))
    made = [step * (number + 1) for number in range(len(held))]
    slope = statistics.linear_regression(made[_SETTLED:], held[_SETTLED:]).slope * MILLION / 2**20
    return Result(
        (
            Figure("slope after the first million calls", slope, "MiB per million", at_most=1),
            Figure("resident after the last call", held[-1] / 1e6, "MB"),
        ),
        (
            Table(
                "Memory of the core",
                "calls",
                ("MB",),
                tuple((str(calls), (bytes_ / 1e6,)) for calls, bytes_ in zip(made, held, strict=True)),
                "lines",
            ),
        ),
        {"calls": made[-1], "in flight": FLIGHT},
    )
