"""A worker that gives and takes payloads, one at a time; and in the same process, by turns, its floor.

As `bytes`, as they come by themselves, and as views of the frames, which have no copy in Python.

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
        invoke, invoke_view = core.invoke, core.options(view=True).invoke
        bytes_ = payloads(
            lambda data: invoke("bench.take", data=data),
            lambda size: invoke("bench.give", size=size),
        )
        views = payloads(
            lambda data: invoke("bench.take-view", data=data),
            lambda size: invoke_view("bench.give", size=size),
        )
        sides = {"stockade": bytes_, "stockade-view": views, "pyzmq": echo.bulk(socket)}
        play(sides, [int(os.environ["STOCKADE_CORE_PID"]), server])


main(*sys.argv[1:])
