"""How much longer does a call take than the bare round trip under it, one at a time with the blocking stub?"""

from __future__ import annotations

import tempfile
from typing import Any

from benchmarks.blocks import each, ratios
from benchmarks.figures import Figure, Result
from benchmarks.machine import two_processors
from benchmarks.system import measure_inside

__all__ = ["measure"]

#: Calls, or round trips, in a block.
BLOCK = 200


def measure(quick: bool) -> Result:
    """Pairs of blocks: 200 inline calls, 200 round trips of a blocking DEALER and ROUTER in another process."""
    cpus = two_processors()
    order: dict[str, Any] = {"cpus": cpus, "block": BLOCK, "spin": 0.0, "warm_up": 2, "pairs": 6 if quick else 120}
    with tempfile.TemporaryDirectory() as folder:
        found = measure_inside("calls/latency.toml", order, folder)
    calls, trips = found["calls"], found["trips"]
    return Result(
        (
            Figure.of("a call / a round trip", ratios(calls, trips), at_most=1.4),
            *each("call", calls, BLOCK),
            *each("round trip", trips, BLOCK),
        ),
        {"pairs": len(calls), "block": BLOCK, "pinned": cpus is not None},
    )
