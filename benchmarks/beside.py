"""How long does a small call take while another worker floods the core, or moves 64 MiB messages?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import attrs

from benchmarks import native
from benchmarks.application import Worker
from benchmarks.blocks import Contestant, percentile, ratio, take_turns, times
from benchmarks.conductor import Block, Conductor, Side
from benchmarks.figures import Figure, Result, quartiles
from benchmarks.loads import load
from benchmarks.processes import pin, spent_by

__all__ = ["measure"]

#: Calls in a block; bytes of a large message, and what the mover's limits are raised to.
BLOCK, LARGE, LIMIT = 300, 64 << 20, 80 << 20
#: Seconds from the beginning of what disturbs to the first call.
_SETTLE = 0.05
#: What disturbs, and its order.
ORDERS: dict[str, tuple[object, ...]] = {"flooder": ("flood", "bench.echo"), "mover": ("move", LARGE)}


@attrs.define
class _Shares:
    """What one that disturbs burnt of the clients' processor, and the core because of it of its own; block by block."""

    own: list[float] = attrs.field(factory=list)
    core: list[float] = attrs.field(factory=list)


def measure(quick: bool) -> Result:
    """Blocks of 300 calls, by turns: alone, beside each that disturbs, and beside processes that burn what that did.

    All clients stand on one processor, also what disturbs; the core stands on the other. What burns stands on the
    clients' processor and burns what the disturber itself did; or there and, another, on the core's, what the core did
    because of it too.
    """
    if why := native.skipped("the worker that floods is a program in C"):
        return Result((), skipped=tuple(why))
    with Conductor() as conductor:
        sides = _sides(conductor)
        calls = sides["client"]
        alone = Contestant("alone", partial(calls.play, "call", BLOCK), BLOCK)
        shares = {name: _Shares() for name in ORDERS}
        turns = [alone]
        for name, order in ORDERS.items():
            run = _disturbed(calls, sides[name], alone, shares[name], *order)
            turns += (
                Contestant(f"beside a {name}", run, BLOCK),
                Contestant(f"beside its CPU ({name})", _burning(calls, shares[name], sides["burner"]), BLOCK),
                Contestant(
                    f"beside its CPU and the core's ({name})",
                    _burning(calls, shares[name], sides["burner"], sides["core-burner"]),
                    BLOCK,
                ),
            )
        take_turns(turns, 2 if quick else 60)
    return Result(
        tuple(_figures(turns, shares)),
        (times(turns),),
        {"rounds": len(alone.blocks), "block": BLOCK, "pinned": bool(conductor.cpus)},
    )


def _sides(conductor: Conductor) -> dict[str, Side]:
    client = Worker(
        "client", ("python", "-m", "benchmarks.players.blocking", str(conductor.folder), "client", "floor", "0")
    )
    mover = Worker("mover", ("python", "-m", "benchmarks.players.mover"), {"message": LIMIT, "outbox": 2 * LIMIT})
    sides = load(conductor, "flooder", 1, (client, mover))[1]
    sides["burner"] = conductor.start("benchmarks.players.burner", "burner")
    sides["core-burner"] = conductor.start("benchmarks.players.burner", "core-burner")
    if conductor.cpus is not None:
        for player in sides["core-burner"].players:
            pin(player.pid, conductor.cpus[1])
    return sides


def _figures(turns: list[Contestant], shares: dict[str, _Shares]) -> Iterator[Figure]:
    alone, p99 = turns[0], percentile(0.99)
    for number, name in enumerate(shares):
        beside, burning, both = turns[1 + 3 * number : 4 + 3 * number]
        target = 2.0 if name == "flooder" else None
        yield ratio(f"p99 beside a {name} / beside its CPU", beside, burning, p99, at_most=target)
        yield ratio(f"p99 beside a {name} / beside its CPU and the core's", beside, both, p99, at_most=target)
        yield ratio(f"p99 beside a {name} / alone", beside, alone, p99)
        yield Figure.of(f"CPU of the {name}", [100 * share for share in shares[name].own], "%")
        yield Figure.of(f"CPU of the core because of the {name}", [100 * share for share in shares[name].core], "%")


def _disturbed(calls: Side, other: Side, alone: Contestant, shares: _Shares, *order: object) -> Callable[[], Block]:
    """A block while `other` carries out an order that has no end."""

    def run() -> Block:
        other.begin(*map(str, order))
        time.sleep(_SETTLE)
        pids = {player.pid for player in other.players}
        before, began = spent_by(pids), time.monotonic()
        block = calls.play("call", BLOCK)
        passed = time.monotonic() - began
        needed = quartiles(alone.each(lambda one: one.server.cpu)).median if alone.blocks else 0.0
        shares.own.append((spent_by(pids) - before).cpu / passed)
        shares.core.append(max(0.0, block.server.cpu - needed) / passed)
        _stop(other)
        return block

    return run


def _burning(calls: Side, shares: _Shares, *burners: Side) -> Callable[[], Block]:
    """A block while as much is burnt as by what is measured beside it: the medians of what that took so far."""

    def run() -> Block:
        for burner, burnt in zip(burners, (shares.own, shares.core), strict=False):
            burner.begin("burn", round(1000 * (quartiles(burnt).median if burnt else 0.5)))
        time.sleep(_SETTLE)
        block = calls.play("call", BLOCK)
        for burner in burners:
            _stop(burner)
        return block

    return run


def _stop(side: Side) -> None:
    side.begin("stop")
    side.end()
    side.end()
