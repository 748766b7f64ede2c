"""Blocks run by turns, and made figures. Knows no worker and no process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import attrs

from benchmarks.conductor import Block, Side
from benchmarks.figures import Figure, Table, quartiles

__all__ = ["Contestant", "pairs", "percentile", "rates", "ratio", "take_turns", "times"]

#: Rounds that are not counted: imports, caches, the first growth of every buffer.
WARM_UP = 2


@attrs.define(eq=False)
class Contestant:
    """What is measured by turns with others. `size` is how many calls, messages or bytes are in one of its blocks.

    The slow ones need not take part in every round: `every` second, third ...
    """

    name: str
    run: Callable[[], Block]
    size: int
    every: int = 1
    #: What came of each round it took part in.
    blocks: dict[int, Block] = attrs.field(factory=dict)

    @classmethod
    def of(cls, side: Side, size: int, operation: str, *numbers: object, every: int = 1, name: str = "") -> Contestant:
        """The side, told to do this in each block; it has the side's name unless another is given."""
        return cls(name or side.name, partial(side.play, operation, *numbers), size, every)

    def each(self, what: Callable[[Block], float]) -> list[float]:
        """`what` of each block."""
        return [what(block) for block in self.blocks.values()]


def take_turns(contestants: Iterable[Contestant], count: int) -> None:
    """So many rounds, in each a block of every contestant whose turn it is.

    Who goes first changes from round to round, lest a machine that slows down favour one.
    """
    order = list(contestants)
    for number in range(-WARM_UP, count):
        for contestant in order:
            if number % contestant.every == 0 or number == -1:
                block = contestant.run()
                if number >= 0:
                    contestant.blocks[number] = block
        order.reverse()


def pairs(over: Contestant, under: Contestant) -> Iterator[tuple[Block, Block]]:
    """The blocks of rounds in which both took part."""
    for number in over.blocks.keys() & under.blocks.keys():
        yield over.blocks[number], under.blocks[number]


def ratio(
    name: str,
    over: Contestant,
    under: Contestant,
    what: Callable[[Block], float] | None = None,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
) -> Figure:
    """`over` by `under`, pair by pair: in `what`, or in the time for one of what is in their blocks."""
    share = 1.0 if what else under.size / over.size
    measure = what or (lambda block: block.seconds)
    sample = [measure(one) / measure(other) * share for one, other in pairs(over, under)]
    return Figure.of(name, sample, at_most=at_most, at_least=at_least)


def percentile(share: float) -> Callable[[Block], float]:
    """The part of a block below which this share of its parts was, in nanoseconds."""

    def of(block: Block) -> float:
        return _percentile(sorted(block.each), share)

    return of


def times(contestants: Iterable[Contestant]) -> Table:
    """How long a call took, all blocks together, and what it cost either side: time on a processor, and sleeps."""
    columns = (*(f"p{share:g} µs" for share in SHARES), *_COSTS)
    return Table(
        "One call at a time",
        "",
        columns,
        tuple((one.name, (*_times(one), *_costs(one))) for one in contestants),
        "bars",
    )


def rates(title: str, unit: str, contestants: Iterable[Contestant], per: float = 1.0) -> Table:
    """How many in a second (in thousands or millions where `per` says so), and what one of them cost either side."""
    columns = (unit, "from", "to", *_COSTS)
    return Table(
        title, "", columns, tuple((one.name, (*_rates(one, per), *_costs(one))) for one in contestants), "bars"
    )


#: What `times` shows, in percent.
SHARES = (50.0, 99.0, 99.9)
_COSTS = ("client CPU µs", "server CPU µs", "client sleeps", "server sleeps")


def _times(contestant: Contestant) -> Iterator[float]:
    every = sorted(one / 1000 for block in contestant.blocks.values() for one in block.each)
    return (_percentile(every, share / 100) for share in SHARES)


def _rates(contestant: Contestant, per: float) -> tuple[float, float, float]:
    found = quartiles([contestant.size / block.seconds / per for block in contestant.blocks.values()])
    return found.median, found.first, found.third


def _costs(contestant: Contestant) -> Iterator[float]:
    of: tuple[Callable[[Block], float], ...] = (
        lambda block: block.client.cpu * 1e6,
        lambda block: block.server.cpu * 1e6,
        lambda block: block.client.sleeps,
        lambda block: block.server.sleeps,
    )
    return (quartiles(contestant.each(what)).median / contestant.size for what in of)


def _percentile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
