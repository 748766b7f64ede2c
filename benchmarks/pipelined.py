"""How many calls per second does one worker make with 256 in flight, beside bare messages and beside the peers?"""

from __future__ import annotations

from benchmarks import native, peers
from benchmarks.application import Application, Worker
from benchmarks.blocks import Contestant, rates, ratio, take_turns
from benchmarks.conductor import Conductor
from benchmarks.figures import Figure, Result

__all__ = ["measure"]

#: Calls, or messages, in a block, and of these at a time.
BLOCK, FLIGHT = 5120, 256
#: The block of a peer that would take seconds for the other, and the rounds of which it has one.
SHORT, SELDOM = 512, 3
#: Peers that are quick enough for the whole of it.
QUICK = {"node", "pyro5", "pool-chunked"}


def measure(quick: bool) -> Result:
    """Blocks of 5120 inline calls, of messages of one frame echoed by a bare DEALER, and of the peers' calls."""
    there, skipped = peers.split()
    with Conductor() as conductor:
        folder = str(conductor.folder)
        player = Worker("client", ("python", "-m", "benchmarks.players.pipelining", folder))
        conductor.system(Application("pipelined", (player,)))
        conductor.program("benchmarks.players.socketpair")
        if not native.missing():
            conductor.program(native.build("echo"), folder, str(conductor.cpus[1] if conductor.cpus else -1))
        for name in there:
            conductor.program(*peers.PEERS[name].argv, folder)
        sides = conductor.sides(2 + (not native.missing()) + len(there))
        floors = {"stockade", "pyzmq", "c", "socketpair"}
        contestants: dict[str, Contestant] = {}
        for name, side in sides.items():
            if "pipeline" in side.operations:
                size = BLOCK if name in floors | QUICK else SHORT
                every = 1 if name in floors else SELDOM
                contestants[name] = Contestant.of(side, size, "pipeline", size, FLIGHT, every=every)
        take_turns(contestants.values(), 6 if quick else 60)
    ours = contestants["stockade"]
    batches = [sum(block.each) for block in ours.blocks.values()]
    targets = {"pyzmq": 0.7, "rpyc": 7.0, "grpc": 40.0, "node": 1.0}
    return Result(
        tuple(
            ratio(f"calls/s / {name}", other, ours, at_least=targets.get(name))
            for name, other in contestants.items()
            if other is not ours
        )
        + (Figure.of("calls in a batch", [BLOCK / each for each in batches]),),
        (rates("256 calls in flight", "calls/s", contestants.values()),),
        {"rounds": len(ours.blocks), "block": BLOCK, "in flight": FLIGHT, "pinned": conductor.cpus is not None},
        (*native.skipped("the floor in C"), *skipped),
    )
