"""How long is it from a worker's spawn to its `ready`, beside an interpreter that only imports zmq and cbor2?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from benchmarks.figures import Figure, Result
from benchmarks.system import ROOT, System

__all__ = ["measure"]

FILE = ROOT / "benchmarks" / "applications" / "start" / "stockade.toml"
BARE = "import zmq, cbor2"
#: The same, saying when it has imported them: what follows is the interpreter's end, which no worker waits for.
SAYING = "import zmq, cbor2, os; os.write(1, b'.')"


def measure(quick: bool) -> Result:
    """By turns: a worker killed and started again by its supervisor, whose log has the time; two bare interpreters."""
    workers, bare, imported = [], [], []
    with System(FILE) as system:
        _next_start(system)
        for _ in range(5 if quick else 60):
            bare.append(_bare())
            imported.append(_imported())
            workers.append(_next_start(system))
    pairs = list(zip(workers, bare, imported, strict=True))
    return Result(
        (
            Figure.of("spawn to ready / bare interpreter", [each[0] / each[1] for each in pairs], at_most=1.5),
            Figure.of("spawn to ready / bare to its imports", [each[0] / each[2] for each in pairs]),
            Figure.of("spawn to ready", [each * 1000 for each in workers], "ms"),
            Figure.of("bare interpreter", [each * 1000 for each in bare], "ms"),
            Figure.of("bare interpreter to its imports", [each * 1000 for each in imported], "ms"),
        ),
        circumstances={"pairs": len(pairs), "bare": f"python -c '{BARE}'"},
    )


def _next_start(system: System) -> float:
    """Seconds from the worker's next spawn to its `ready`, by the supervisor's clock; the worker is then killed."""
    pid = int(system.wait_for("worker_started")["pid"])
    seconds = float(system.wait_for("worker_ready")["seconds"])
    os.kill(pid, signal.SIGKILL)
    return seconds


def _bare() -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", BARE], check=True)
    return time.monotonic() - began


def _imported() -> float:
    began = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", SAYING], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        return time.monotonic() - began
