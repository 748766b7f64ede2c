"""One worker with a core that only answers: ``python -m benchmarks.players.native_core SIDE CORE WORKER [ARGS]``.

It starts the program CORE (native/core.c) and the worker, gives that what a supervisor would give, and says what a core
says outside of the calls that are measured. The floor beside it is the same program's.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import cbor2
import zmq

from benchmarks.players.led import Led

_ALL = {"allow": ["**"], "deny": []}
_LIMITS = {
    "message": 1 << 22,
    "event": 1 << 16,
    "batch": 1024,
    "calls": 1024,
    "channels": 64,
    "frames": 63,
    "topics": 64,
    "depth": 32,
}


def main(side: str, core: str, *worker: str) -> None:
    """Start both, and answer until the worker leaves."""
    with tempfile.TemporaryDirectory(prefix="bench-core-") as folder:
        slow: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.PAIR)
        slow.bind(f"ipc://{folder}/slow")
        sockets = Path(folder, "sockets")
        sockets.mkdir(mode=0o700)
        floor = f"ipc://{folder}/floor"
        answering = subprocess.Popen([core, f"ipc://{sockets}", floor, f"ipc://{folder}/slow"])
        environment = {
            "STOCKADE_PROTOCOL": "1",
            "STOCKADE_WORKER": "bench",
            "STOCKADE_GENERATION": "1",
            "STOCKADE_CORE_PID": str(answering.pid),
            "STOCKADE_SOCKETS": f"ipc://{sockets}",
            "BENCH_FLOOR": floor,
        }
        # Its standard input stays open as long as this process runs: then it ends too.
        with subprocess.Popen(worker, stdin=subprocess.PIPE, env={**os.environ, **environment}) as process:
            assert process.stdin is not None
            process.stdin.write(secrets.token_hex(32).encode() + b"\n")
            process.stdin.flush()
            _converse(slow, Led(side, process.pid, (answering.pid,)), answering.pid)
        answering.kill()
        answering.wait()


def _converse(slow: zmq.Socket[bytes], led: Led, core: int) -> None:
    """Answer what is no measured call, until the worker says bye."""
    while True:
        answers: list[list[Any]] = []
        for verb, *rest in cbor2.loads(slow.recv()):
            if verb == "hello":
                grants = dict.fromkeys(("commands", "listen", "emit"), _ALL)
                who = {"protocol": 1, "worker": "bench", "generation": 1, "core": "benchmark"}
                answers.append(["welcome", who | {"limits": _LIMITS, "grants": grants}])
            elif verb == "call":
                answers.append(["result", rest[0], led.next(rest[2].get("report"))])
            elif verb == "bye":
                answers.append(["bye", rest[0]])
        if answers:
            slow.send(cbor2.dumps(answers))
        if answers and answers[-1][0] == "bye":
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
