"""How many calls per second does the core answer for 1, 4, 16, 64 and 200 workers, all of them busy?"""

from __future__ import annotations

from benchmarks import native
from benchmarks.blocks import Contestant, pairs, take_turns
from benchmarks.conductor import Conductor, Side
from benchmarks.figures import Figure, Result, Table, quartiles
from benchmarks.loads import floor, load

__all__ = ["measure"]

COUNTS = (1, 4, 16, 64, 200)
#: Calls in flight of each worker, and calls in a block.
FLIGHTS = {1: 1_600, 4: 4_000, 256: 32_000}


def measure(quick: bool) -> Result:
    """A system for each count, all of them there all the time; the blocks of calls of all by turns.

    The floor is a program in C that gives the same frames back unread, over as many bare sockets.
    """
    if why := native.skipped("workers are played by programs in C"):
        return Result((), skipped=tuple(why))
    counts = (1, 4, 16) if quick else COUNTS
    with Conductor() as conductor:
        sides: dict[str, Side] = {}
        for count in counts:
            sides |= load(conductor, f"{count}-workers", count)[1]
            sides[f"{count}-bare"] = floor(conductor, f"{count}-bare", count)
        found = {
            (count, flight): _contestant(sides[f"{count}-workers"], flight, block // 16 if quick else block)
            for count in counts
            for flight, block in FLIGHTS.items()
        }
        floors = {
            count: _contestant(sides[f"{count}-bare"], flight, block // 16 if quick else block)
            for count in counts
            for flight, block in [max(FLIGHTS.items())]
        }
        take_turns((*found.values(), *floors.values()), 4 if quick else 30)
    most, flight = counts[-1], max(FLIGHTS)
    best = max(counts[:-1], key=lambda count: _rate(found[count, flight]))
    sample = [other.seconds / one.seconds for one, other in pairs(found[most, flight], found[best, flight])]
    return Result(
        (Figure.of(f"calls/s of {most} workers / of {best}, the best", sample, at_least=0.8),),
        (
            Table(
                "Calls per second",
                "workers",
                (*(f"{flight} in flight each" for flight in FLIGHTS), f"c, {flight} in flight each"),
                tuple(
                    (str(count), (*(_rate(found[count, each]) for each in FLIGHTS), _rate(floors[count])))
                    for count in counts
                ),
                "lines",
            ),
        ),
        {"rounds": len(found[most, flight].blocks), "block": found[most, flight].size, "pinned": bool(conductor.cpus)},
    )


def _contestant(side: Side, flight: int, size: int) -> Contestant:
    """Calls of all its workers together. Of several load processes each makes its share."""
    share = size // len(side.players)
    return Contestant.of(side, share * len(side.players), "call", "bench.echo", share, flight)


def _rate(contestant: Contestant) -> float:
    return quartiles(contestant.each(lambda block: contestant.size / block.seconds)).median
