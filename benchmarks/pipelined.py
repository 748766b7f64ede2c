"""How many calls per second does one asyncio worker make with 256 in flight, beside messages of one bare frame?"""

from __future__ import annotations

import tempfile
from typing import Any

from benchmarks.blocks import each, ratios
from benchmarks.figures import Figure, Result
from benchmarks.machine import two_processors
from benchmarks.system import measure_inside

__all__ = ["measure"]

#: Calls, or messages, in a block, and of these at a time.
BLOCK, FLIGHT = 5120, 256


def measure(quick: bool) -> Result:
    """Pairs of blocks: 5120 inline calls, 5120 messages echoed by a DEALER in another process."""
    cpus = two_processors()
    order: dict[str, Any] = {
        "cpus": cpus,
        "block": BLOCK,
        "flight": FLIGHT,
        "warm_up": 2,
        "pairs": 6 if quick else 60,
    }
    with tempfile.TemporaryDirectory() as folder:
        found = measure_inside("calls/pipelined.toml", order, folder)
    calls, echoes = found["calls"], found["echoes"]
    return Result(
        (
            Figure.of("calls/s / messages/s", ratios(echoes, calls), at_least=0.4),
            Figure.of("calls", [BLOCK / block["seconds"] for block in calls], "/s"),
            *each("call", calls, BLOCK),
            Figure.of("messages", [BLOCK / block["seconds"] for block in echoes], "/s"),
            *each("message", echoes, BLOCK),
        ),
        {
            "pairs": len(calls),
            "block": BLOCK,
            "in flight": FLIGHT,
            "calls in a batch": round(found["batch"], 1),
            "loop of the worker": found["loop"],
            "pinned": cpus is not None,
        },
    )
