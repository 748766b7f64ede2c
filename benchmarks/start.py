"""How long is it from `stockade run` to the first worker's `ready`, beside the slowest of what has to start for it?"""

from __future__ import annotations

import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Figure, Result
from benchmarks.system import ROOT, System
from stockade import control
from stockade.config.load import load
from stockade.config.plan import plan

__all__ = ["measure"]

FILE = ROOT / "benchmarks" / "applications" / "start" / "stockade.toml"
#: `stockade run` until it would become the supervisor: the command line, the configuration read and checked, the plan.
COMMAND_LINE = """
import os, sys
from stockade.cli import main, run
run.become_supervisor = lambda plan: os._exit(0)
main.main(["run", sys.argv[1]])
"""


def measure(quick: bool) -> Result:
    """By turns: a system from its start to its first `ready`, and each of its parts alone."""
    whole: list[float] = []
    parts: dict[str, list[float]] = {name: [] for name in PARTS}
    for _ in range(3 if quick else 30):
        whole.append(start_system())
        for name, start in PARTS.items():
            parts[name].append(start())
    slowest = max(parts, key=lambda name: statistics.median(parts[name]))
    ratios = [one / part for one, part in zip(whole, parts[slowest], strict=True)]
    return Result(
        (
            Figure.of("run to ready / the slowest part", ratios, at_most=2),
            Figure.of("run to ready", [each * 1000 for each in whole], "ms"),
            *(Figure.of(f"  {name}", [each * 1000 for each in parts[name]], "ms") for name in PARTS),
        ),
        circumstances={"rounds": len(whole), "slowest part": slowest},
    )


def start_system() -> float:
    """Seconds from `stockade run` to the worker's `ready` in its log."""
    with System(FILE) as system:
        system.wait_for("worker_ready")
        return time.monotonic() - system.began


def start_command_line() -> float:
    """Seconds until the supervisor would begin."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", COMMAND_LINE, str(FILE)], check=True)
    return time.monotonic() - began


def start_core() -> float:
    """Seconds until a core says that it is ready: one without workers, told by us what a supervisor would."""
    configuration = plan(load(str(FILE)), log_format="json", log_level="info", color=False).configuration
    folder = tempfile.mkdtemp()  # the core removes it, when its pipe ends
    (told, tell), (said, say), (log, write_log) = os.pipe(), os.pipe(), os.pipe()
    began = time.monotonic()
    argv = [sys.executable, "-P", "-m", "stockade.core", str(told), str(say), str(write_log)]
    with subprocess.Popen(argv, pass_fds=(told, say, write_log), cwd=FILE.parent):
        for theirs in (told, say, write_log):
            os.close(theirs)
        os.write(tell, control.encode(control.Configure(configuration, folder, "json", "info", False, ())))
        message = control.decode(os.read(said, 65536))
        seconds = time.monotonic() - began
        for ours in (tell, said, log):
            os.close(ours)
    if not isinstance(message, control.CoreReady):
        raise TypeError(f"the core said {message}")
    return seconds


def start_worker() -> float:
    """Seconds until a worker has bound its three sockets; there is no core to connect to them."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "STOCKADE_PROTOCOL": "1",
            "STOCKADE_WORKER": "started",
            "STOCKADE_GENERATION": "1",
            "STOCKADE_SOCKETS": f"ipc://{folder}",
        }
        began = time.monotonic()
        with subprocess.Popen(
            [sys.executable, "worker.py"], cwd=FILE.parent, env=environment, stdin=subprocess.PIPE
        ) as process:
            assert process.stdin is not None
            process.stdin.write(secrets.token_hex(32).encode() + b"\n")
            process.stdin.flush()
            while not all(Path(folder, name).exists() for name in ("commands", "events", "emits")):
                time.sleep(0.0005)
            seconds = time.monotonic() - began
            process.stdin.close()
    return seconds


#: What starts side by side, or one after the other.
PARTS: dict[str, Callable[[], float]] = {
    "command line, to the supervisor": start_command_line,
    "core alone, to its ready": start_core,
    "worker alone, to its sockets": start_worker,
}
