"""How many small items per second does a stream move under credit, from the core and to it, beside the peers?"""

from __future__ import annotations

from benchmarks import native, peers
from benchmarks.application import Application, Worker
from benchmarks.blocks import Contestant, rates, ratio, take_turns
from benchmarks.conductor import Conductor
from benchmarks.figures import Result

__all__ = ["measure"]

#: Items in a block; and how many a sender may be ahead: as it is by itself, and as one would set it for speed.
BLOCK, CREDITS = 5000, (64, 1024)
#: The block of a peer, and the rounds of which it has one.
SHORT, SELDOM = 1000, 3


def measure(quick: bool) -> Result:
    """Blocks of 5000 items that an async generator of the core yields, that a worker sends, that a floor sends."""
    there, skipped = peers.split()
    with Conductor() as conductor:
        folder = str(conductor.folder)
        player = Worker("player", ("python", "-m", "benchmarks.players.streaming", folder))
        conductor.system(Application("streams", (player,)))
        if not native.missing():
            conductor.program(native.build("echo"), folder, str(conductor.cpus[1] if conductor.cpus else -1))
        for name in there:
            conductor.program(*peers.PEERS[name].argv, folder)
        sides = conductor.sides(1 + (not native.missing()) + len(there))
        found: dict[str, Contestant] = {}
        for name, side in sides.items():
            if name in there and "stream" in side.operations:
                found[name] = Contestant.of(side, SHORT, "stream", SHORT, every=SELDOM)
            elif "stream" in side.operations:
                for credit in CREDITS if name != "stockade-up" else CREDITS[:1]:
                    full = f"{name}, credit {credit}"
                    found[full] = Contestant.of(side, BLOCK, "stream", BLOCK, credit, name=full)
        take_turns(found.values(), 4 if quick else 60)
    ours = found[f"stockade, credit {CREDITS[0]}"]
    return Result(
        tuple(ratio(f"items/s / {name}", other, ours) for name, other in found.items() if other is not ours),
        (rates("Items of a stream", "items/s", found.values()),),
        {"rounds": len(ours.blocks), "block": BLOCK, "pinned": conductor.cpus is not None},
        (*native.skipped("the floor in C"), *skipped),
    )
