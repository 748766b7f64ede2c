"""How long does a small call take while another worker floods the core, or moves 64 MiB messages?"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from benchmarks import native
from benchmarks.application import Worker
from benchmarks.blocks import Contestant, percentile, ratio, take_turns, times
from benchmarks.conductor import Block, Conductor, Side
from benchmarks.figures import Figure, Result, quartiles
from benchmarks.loads import load
from benchmarks.processes import spent_by

__all__ = ["measure"]

#: Calls in a block; bytes of a large message, and what the mover's limits are raised to.
BLOCK, LARGE, LIMIT = 500, 64 << 20, 80 << 20
#: Seconds from the beginning of what disturbs to the first call.
_SETTLE = 0.05


def measure(quick: bool) -> Result:
    """Blocks of 500 calls, by turns: alone, beside each that disturbs, and beside a process that burns what that did.

    All clients stand on one processor, also what disturbs and what burns; the core stands on the other.
    """
    if why := native.skipped("the worker that floods is a program in C"):
        return Result((), skipped=tuple(why))
    with Conductor() as conductor:
        client = Worker(
            "client", ("python", "-m", "benchmarks.players.blocking", str(conductor.folder), "client", "floor", "0")
        )
        mover = Worker("mover", ("python", "-m", "benchmarks.players.mover"), {"message": LIMIT, "outbox": 2 * LIMIT})
        conductor.program("benchmarks.players.burner")
        sides = load(conductor, "flooder", 1, (client, mover))[1] | conductor.sides()
        calls = sides["client"]
        shares: dict[str, list[float]] = {"flooder": [], "mover": []}
        alone = Contestant("alone", partial(calls.play, "call", BLOCK), BLOCK)
        beside = {
            name: Contestant(f"beside a {name}", _disturbed(calls, sides[name], shares[name], *order), BLOCK)
            for name, order in (("flooder", ("flood", "bench.echo")), ("mover", ("move", LARGE)))
        }
        burning = {
            name: Contestant(f"beside as much CPU as a {name}", _burning(calls, sides["burner"], shares[name]), BLOCK)
            for name in beside
        }
        turns = (alone, beside["flooder"], burning["flooder"], beside["mover"], burning["mover"])
        take_turns(turns, 2 if quick else 60)
    p99 = percentile(0.99)
    return Result(
        (
            ratio("p99 beside a flooder / beside as much CPU", beside["flooder"], burning["flooder"], p99, at_most=2),
            ratio("p99 beside a mover / beside as much CPU", beside["mover"], burning["mover"], p99),
            ratio("p99 beside a flooder / alone", beside["flooder"], alone, p99),
            ratio("p99 beside a mover / alone", beside["mover"], alone, p99),
            *(Figure.of(f"CPU of the {name}", [100 * share for share in shares[name]], "%") for name in shares),
        ),
        (times(turns),),
        {"rounds": len(alone.blocks), "block": BLOCK, "pinned": bool(conductor.cpus)},
    )


def _disturbed(calls: Side, other: Side, shares: list[float], *order: object) -> Callable[[], Block]:
    """A block while `other` carries out an order that has no end; what it burnt of a processor goes to `shares`."""

    def run() -> Block:
        other.begin(*map(str, order))
        time.sleep(_SETTLE)
        pids = {player.pid for player in other.players}
        before, began = spent_by(pids), time.monotonic()
        block = calls.play("call", BLOCK)
        shares.append((spent_by(pids) - before).cpu / (time.monotonic() - began))
        _stop(other)
        return block

    return run


def _burning(calls: Side, burner: Side, shares: list[float]) -> Callable[[], Block]:
    """A block while as much is burnt as by what is measured beside it: the median of what that took so far."""

    def run() -> Block:
        burner.begin("burn", round(1000 * (quartiles(shares).median if shares else 0.5)))
        time.sleep(_SETTLE)
        block = calls.play("call", BLOCK)
        _stop(burner)
        return block

    return run


def _stop(side: Side) -> None:
    side.begin("stop")
    side.end()
    side.end()
