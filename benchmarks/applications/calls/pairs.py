"""What both clients need: the order they were given, the floor beside the core, and blocks measured in pairs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from operator import sub
from pathlib import Path
from time import perf_counter
from typing import Any

ORDER: dict[str, Any] = json.loads(os.environ["BENCHMARK_ORDER"])
#: The processors of the client and of the servers, or None.
CPUS: list[int] | None = ORDER["cpus"]
#: The core's process.
CORE = int(os.environ["STOCKADE_CORE_PID"])


def pin_client() -> None:
    """Keep this process on its processor: before ZeroMQ makes its threads, which inherit it."""
    if CPUS:
        os.sched_setaffinity(0, {CPUS[0]})


def pin_core() -> None:
    """Keep every thread of the core on the servers' processor."""
    if CPUS:
        for thread in os.listdir(f"/proc/{CORE}/task"):
            os.sched_setaffinity(int(thread), {CPUS[1]})


_SLEEPS = re.compile(r"^voluntary_ctxt_switches:\s*(\d+)", re.MULTILINE)


@contextmanager
def floor(kind: str) -> Iterator[tuple[str, int]]:
    """The address and pid of a floor that runs until the end of the block."""
    address = f"ipc://{ORDER['folder']}/floor"
    argv = [sys.executable, str(Path(__file__).with_name("floor.py")), address, kind]
    process = subprocess.Popen(argv + ([str(CPUS[1])] if CPUS else []))
    try:
        yield address, process.pid
    finally:
        process.kill()
        process.wait()


class Side:
    """What is measured by turns with another: `run` makes one block, which the process `server` answers."""

    def __init__(self, server: int, run: Callable[[], Awaitable[None]]) -> None:
        self._server = server
        self._run = run
        #: For each block: seconds; and of the client and the server, seconds on a processor and how often they slept.
        self.blocks: list[dict[str, float]] = []

    async def block(self) -> None:
        """Run one block, and note what it took."""
        client, server = spent(os.getpid()), spent(self._server)
        began = perf_counter()
        await self._run()
        seconds = perf_counter() - began
        client_cpu, client_sleeps = map(sub, spent(os.getpid()), client)
        server_cpu, server_sleeps = map(sub, spent(self._server), server)
        self.blocks.append(
            {
                "seconds": seconds,
                "client_cpu": client_cpu / 1e9,
                "client_sleeps": client_sleeps,
                "server_cpu": server_cpu / 1e9,
                "server_sleeps": server_sleeps,
            }
        )


async def measure(sides: Iterable[Side], count: int, warm_up: int) -> None:
    """So many blocks of each, by turns. Who goes first changes, lest a machine that slows down favour one."""
    order = list(sides)
    for number in range(warm_up + count):
        if number == warm_up:
            for side in order:
                side.blocks.clear()
        for side in order:
            await side.block()
        order.reverse()


def spent(pid: int) -> tuple[int, int]:
    """Of all threads of a process until now: nanoseconds on a processor, and how often they went to sleep."""
    nanoseconds = sleeps = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        nanoseconds += int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0])
        sleeps += int(_SLEEPS.findall(Path(f"/proc/{pid}/task/{thread}/status").read_text())[0])
    return nanoseconds, sleeps


def found(**values: Any) -> None:
    """Hand over what was measured."""
    Path(ORDER["found"]).write_text(json.dumps(values))
