"""How many events per second reach 1, 10 and 100 listeners, beside as many bare XPUB sockets and beside one?"""

from __future__ import annotations

from benchmarks import native
from benchmarks.blocks import Contestant, rates, ratio, take_turns
from benchmarks.conductor import Conductor, Side
from benchmarks.figures import Result
from benchmarks.loads import load

__all__ = ["measure"]

LISTENERS = (1, 10, 100)
#: Events that are emitted at once (the queue of a link has room for 1024), and deliveries in a block.
BURST, BLOCK = 500, 25_000


def measure(quick: bool) -> Result:
    """Bursts of 500 events by a command of the core, or by a floor that sends the same frame; all listeners in C."""
    if why := native.skipped("listeners are played by programs in C"):
        return Result((), skipped=tuple(why))
    counts = LISTENERS[:2] if quick else LISTENERS
    found: dict[str, Contestant] = {}
    with Conductor() as conductor:
        for count in counts:
            _, sides = load(conductor, f"stockade-{count}", count, processes=1)
            sides[f"stockade-{count}"].play("listen")
            for name, program in (("pyzmq", "benchmarks.players.xpubs"), ("c", native.build("xpubs"))):
                sides |= _floor(conductor, f"{name}-{count}", program, count, count)
            sides |= _floor(conductor, f"shared-{count}", "benchmarks.players.xpubs", count, 1)
            block = BLOCK // 10 if quick else BLOCK
            found |= {name: _contestant(side, count, block) for name, side in sides.items()}
        take_turns(found.values(), 4 if quick else 60)
    return Result(
        tuple(
            ratio(
                f"events/s to {count} / {floor}", found[f"{floor}-{count}"], found[f"stockade-{count}"], at_least=target
            )
            for count in counts
            for floor, target in (("pyzmq", 0.85), ("shared", None), ("c", None))
        ),
        (rates("Events delivered, all listeners together", "events/s", found.values()),),
        {"rounds": len(found["stockade-1"].blocks), "burst": BURST, "pinned": bool(conductor.cpus)},
    )


def _floor(conductor: Conductor, name: str, program: str, listeners: int, sockets: int) -> dict[str, Side]:
    host = str(conductor.folder / name)
    conductor.program(native.build("load"), name, host, str(listeners), "listen")
    conductor.program(program, host, str(listeners), str(sockets))
    return conductor.sides()


def _contestant(side: Side, listeners: int, block: int) -> Contestant:
    times = max(1, block // BURST // listeners)
    return Contestant.of(side, BURST * times * listeners, "events", BURST, times)
