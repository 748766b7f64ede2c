"""Many workers, played by few processes in C over the real protocol. Knows no benchmark.

Each worker is a process that the supervisor has spawned and the kernel attests: it listens, hands its sockets to a load
process, and sleeps (native/worker.c). The load processes do all the talking (native/load.c).
"""

from __future__ import annotations

from itertools import count

from benchmarks import native
from benchmarks.application import Application, Worker
from benchmarks.conductor import Conductor, Side
from benchmarks.system import System

__all__ = ["PROCESSES", "load"]

#: At most so many load processes play the workers of one system.
PROCESSES = 8


def load(
    conductor: Conductor, name: str, workers: int, also: tuple[Worker, ...] = (), processes: int = PROCESSES
) -> tuple[System, dict[str, Side]]:
    """A system with so many workers in C, and `also` others; the sides of all, that of those in C being `name`."""
    processes = min(workers, processes)
    shares = [workers // processes + (number < workers % processes) for number in range(processes)]
    hosts = [str(conductor.folder / f"{name}.{number}") for number in range(processes)]
    for host, share in zip(hosts, shares, strict=True):
        conductor.program(native.build("load"), name, host, str(share))
    labels = (f"c{number}" for number in count(1))
    tables = [
        Worker(next(labels), (native.build("worker"), host))
        for host, share in zip(hosts, shares, strict=True)
        for _ in range(share)
    ]
    system = conductor.system(Application.of(name, (*tables, *also)))
    return system, conductor.sides(processes + len(also))
