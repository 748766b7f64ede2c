"""How long does one call take, at the median and at worst, beside the round trip under it and beside the peers?"""

from __future__ import annotations

from benchmarks import native, peers
from benchmarks.application import Application, Worker
from benchmarks.blocks import Contestant, percentile, ratio, take_turns, times
from benchmarks.conductor import Conductor, Side
from benchmarks.figures import Result

__all__ = ["measure"]

#: Calls, or round trips, in a block.
BLOCK = 200
#: Where both sides spin: seconds that a client looks for its answer, and a server for the next call, before it sleeps.
#: The floor beside them does the same, on both sides.
SPIN = 0.0002


def measure(quick: bool) -> Result:
    """Blocks of 200 inline calls or bare round trips, by turns; a peer has a block in every second round."""
    there, skipped = peers.split()
    with Conductor() as conductor:
        sides = _sides(conductor, there)
        contestants = {
            name: Contestant.of(side, BLOCK, "call", BLOCK, every=2 if name in there else 1)
            for name, side in sides.items()
            if "call" in side.operations
        }
        take_turns(contestants.values(), 6 if quick else 120)
    ours, p50 = contestants["stockade"], percentile(0.5)
    spinning = contestants["stockade-spinning"], contestants["pyzmq-spinning"]
    return Result(
        (
            ratio("a call / a round trip, p50", ours, contestants["pyzmq"], p50, at_most=1.25),
            ratio("the same when both spin", *spinning, p50, at_most=1.8),
            ratio("a call / a round trip, all of the block", ours, contestants["pyzmq"]),
            *(
                ratio(f"a call / {name}, p50", ours, contestants[name], p50)
                for name in ("c", "socketpair")
                if name in sides
            ),
            *(ratio(f"a call / {name}, p50", ours, contestants[name], p50, at_most=1) for name in there),
        ),
        (times(contestants.values()),),
        {"rounds": len(ours.blocks), "block": BLOCK, "pinned": conductor.cpus is not None},
        (*native.skipped("the floor in C"), *skipped),
    )


def _sides(conductor: Conductor, there: list[str]) -> dict[str, Side]:
    folder = str(conductor.folder)
    program = ("python", "-m", "benchmarks.players.blocking", folder)
    sleeping = Worker("sleeping", (*program, "stockade", "pyzmq", "0"))
    spinning = Worker("spinning", (*program, "stockade-spinning", "pyzmq-spinning", str(SPIN)))
    conductor.system(Application("latency", (sleeping,)))
    conductor.system(Application("latency-spinning", (spinning,), SPIN))
    sides = conductor.sides(2)
    conductor.program("benchmarks.players.socketpair")
    if not native.missing():
        conductor.program(native.build("echo"), folder, str(conductor.cpus[1] if conductor.cpus else -1))
    for name in there:
        conductor.program(*peers.PEERS[name].argv, folder)
    return sides | conductor.sides(1 + (not native.missing()) + len(there))
