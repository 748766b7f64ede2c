"""Does the core's memory grow with the items of streams, small and large? Takes minutes."""

from __future__ import annotations

import statistics
import time

from benchmarks.application import Application, Worker
from benchmarks.conductor import Conductor
from benchmarks.figures import Figure, Result, Table
from benchmarks.processes import resident

__all__ = ["measure"]

MILLION, MIB = 1_000_000, 2**20
#: Small items between two looks, and looks; of these so many make the first million.
STEP, STEPS, _SETTLED = MILLION // 4, 44, 4
#: Large items between two looks, their size, and when it is enough: bytes, or seconds.
PIECES, PIECE, ENOUGH, PATIENCE = 64, 4 * MIB, 50 * 2**30, 600.0


def measure(quick: bool) -> Result:
    """Eleven million small items, then 50 GiB of large ones or ten minutes of them; resident memory all the while."""
    step, steps = (STEP // 50, 11) if quick else (STEP, STEPS)
    enough, patience = (2**30, 5.0) if quick else (ENOUGH, PATIENCE)
    with Conductor() as conductor:
        player = Worker(
            "player",
            ("python", "-m", "benchmarks.players.streaming", str(conductor.folder)),
            {"message": 2 * PIECE, "outbox": 8 * PIECE},
        )
        system = conductor.system(Application("memory", (player,)))
        side, core = conductor.sides()["stockade"], system.core_pid()
        small: list[tuple[int, int]] = []
        for number in range(1, steps + 1):
            side.play("stream", step, 1024)
            small.append((step * number, resident(core)))
        large: list[tuple[int, int]] = []
        moved, end = 0, time.monotonic() + patience
        while moved < enough and time.monotonic() < end:
            side.play("pieces", PIECES, PIECE)
            moved += PIECES * PIECE
            large.append((moved, resident(core)))
    items = statistics.linear_regression(*zip(*small[_SETTLED - 1 :], strict=True)).slope * MILLION / MIB
    # The first look is behind the first items, whose buffers stay; from there on it is to be flat.
    bytes_ = statistics.linear_regression(*zip(*large, strict=True)).slope * 2**30 / MIB
    return Result(
        (
            Figure("slope after the first million small items", items, "MiB per million", at_most=1),
            Figure("slope with large items", bytes_, "MiB per GiB", at_most=0.1),
            Figure("large items moved", moved / 2**30, "GiB"),
        ),
        (_table("small items", "items", small, 1), _table("large items", "GiB", large, 2**30)),
        {"small items": small[-1][0], "bytes of a large item": PIECE},
    )


def _table(title: str, head: str, found: list[tuple[int, int]], unit: int) -> Table:
    rows = tuple((f"{number / unit:g}", (held / 1e6,)) for number, held in found)
    return Table(f"Memory of the core: {title}", head, ("MB",), rows, "lines")
