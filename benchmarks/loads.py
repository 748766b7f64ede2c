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

__all__ = ["PROCESSES", "floor", "load"]

#: At most so many load processes play the workers of one system.
PROCESSES = 8


def load(
    conductor: Conductor, name: str, workers: int, also: tuple[Worker, ...] = (), processes: int = PROCESSES
) -> tuple[System, dict[str, Side]]:
    """A system with so many workers in C, and `also` others; the sides of all, that of those in C being `name`."""
    hosts = _start(conductor, name, workers, processes)
    labels = (f"c{number}" for number in count(1))
    tables = [Worker(next(labels), (native.build("worker"), host)) for host, share in hosts for _ in range(share)]
    system = conductor.system(Application.of(name, (*tables, *also)))
    return system, conductor.sides(len(hosts) + len(also))


def floor(conductor: Conductor, name: str, workers: int) -> Side:
    """The same load without workers: as many bare sockets, and a program in C that gives back what comes."""
    hosts = _start(conductor, name, workers, PROCESSES, "call")
    conductor.program(native.build("answer"), *(str(word) for host in hosts for word in host))
    return conductor.sides(len(hosts))[name]


def _start(conductor: Conductor, name: str, workers: int, processes: int, *kind: str) -> list[tuple[str, int]]:
    """Start load processes; where each waits for its share of the workers, and how many these are."""
    processes = min(workers, processes)
    shares = [workers // processes + (number < workers % processes) for number in range(processes)]
    hosts = [(str(conductor.folder / f"{name}.{number}"), share) for number, share in enumerate(shares)]
    for host, share in hosts:
        conductor.program(native.build("load"), name, host, str(share), *kind)
    return hosts
