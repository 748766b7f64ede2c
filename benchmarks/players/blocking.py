"""A worker with the blocking stub, one call at a time; and in the same process, by turns, its floor.

``python -m benchmarks.players.blocking FOLDER SIDE FLOOR SPIN``.
"""

from __future__ import annotations

import os
import sys

from benchmarks.players import echo
from benchmarks.players.orders import one_by_one, play
from stockade_frontend import connect


def main(folder: str, side: str, floor: str, spin: str) -> None:
    with (
        connect(spin=float(spin)) as core,
        echo.floor(f"ipc://{folder}/{floor}", "router", float(spin)) as (socket, server),
    ):
        invoke = core.invoke
        play(
            {
                side: {"call": one_by_one(lambda number: invoke("bench.echo", value=number))},
                floor: {"call": echo.call(socket, float(spin))},
            },
            [int(os.environ["STOCKADE_CORE_PID"]), server],
        )


main(*sys.argv[1:])
