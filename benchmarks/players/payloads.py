"""A worker that gives and takes payloads, one at a time; and in the same process, by turns, its floor.

``python -m benchmarks.players.payloads FOLDER``.
"""

from __future__ import annotations

import os
import sys

from benchmarks.peers.service import payloads
from benchmarks.players import echo
from benchmarks.players.orders import play
from stockade_frontend import connect


def main(folder: str) -> None:
    with connect() as core, echo.floor(f"ipc://{folder}/pyzmq-bulk", "bulk") as (socket, server):
        invoke = core.invoke
        ours = payloads(lambda data: invoke("bench.take", data=data), lambda size: invoke("bench.give", size=size))
        play({"stockade": ours, "pyzmq": echo.bulk(socket)}, [int(os.environ["STOCKADE_CORE_PID"]), server])


main(*sys.argv[1:])
