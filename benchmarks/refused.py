"""What does a call cost that the core refuses, beside one that it carries out?"""

from __future__ import annotations

from functools import partial

from benchmarks import native
from benchmarks.blocks import Contestant, rates, ratio, take_turns
from benchmarks.conductor import Conductor
from benchmarks.figures import Result
from benchmarks.loads import load

__all__ = ["measure"]

#: Calls in a block, and of these at a time.
BLOCK, FLIGHT = 5120, 256
#: What is called, and what becomes of it. The load sends what a stub would refuse to send.
CALLS = {
    "carried out": "bench.echo",
    "not allowed": "bench.denied",
    "nothing that there is": "other.echo",
    "arguments do not fit": "bench.text",
}


def measure(quick: bool) -> Result:
    """Blocks of 5120 calls by one worker in C, 256 in flight: of a command it may call, and of each that it may not."""
    if why := native.skipped("workers that ask for what they may not are played by a program in C"):
        return Result((), skipped=tuple(why))
    with Conductor() as conductor:
        (side,) = load(conductor, "refused", 1)[1].values()
        found = {
            name: Contestant(name, partial(side.play, "call", command, BLOCK, FLIGHT), BLOCK)
            for name, command in CALLS.items()
        }
        take_turns(found.values(), 4 if quick else 60)
    carried_out, *refused = found.values()
    return Result(
        tuple(ratio(f"a call {one.name} / one carried out", one, carried_out) for one in refused),
        (rates("Refusals", "calls/s", found.values()),),
        {"rounds": len(carried_out.blocks), "block": BLOCK, "in flight": FLIGHT, "pinned": bool(conductor.cpus)},
    )
