"""Blocks run by turns, and what is made of them."""

from __future__ import annotations

import pytest

from benchmarks.blocks import WARM_UP, Contestant, percentile, rates, ratio, take_turns, times
from benchmarks.conductor import Block
from benchmarks.processes import Spent


def block(seconds: float, *each: int) -> Block:
    return Block(seconds, each, Spent(seconds / 2, 1), Spent(seconds / 4, 2))


def contestant(name: str, size: int, *blocks: Block) -> Contestant:
    return Contestant(name, lambda: blocks[0], size, blocks=dict(enumerate(blocks)))


def test_who_goes_first_changes() -> None:
    """Two that take turns are each first in every second round, and the warm-up is not counted."""
    order: list[str] = []

    def playing(name: str) -> Contestant:
        return Contestant(name, lambda: order.append(name) or block(1.0), 1)

    one, other = playing("one"), playing("other")
    take_turns((one, other), 2)
    assert order == ["one", "other", "other", "one"] * ((WARM_UP + 2) // 2)
    assert list(one.blocks) == list(other.blocks) == [0, 1]


def test_the_slow_take_part_in_some_rounds() -> None:
    """One that takes part in every third round has a block in those, after one to warm up."""
    counted: list[int] = []
    slow = Contestant("slow", lambda: counted.append(1) or block(1.0), 1, every=3)
    take_turns((slow,), 6)
    assert list(slow.blocks) == [0, 3]
    assert len(counted) == 3


def test_a_ratio_is_taken_pair_by_pair_for_one_of_what_is_in_a_block() -> None:
    """Never of two medians; and where blocks are of different sizes, by what one call takes."""
    over, under = contestant("a", 10, block(20.0), block(90.0)), contestant("b", 1, block(1.0), block(3.0))
    assert ratio("r", over, under).value == pytest.approx((2 + 3) / 2)
    assert ratio("r", over, under, at_most=2.5).reached


def test_rounds_that_one_has_missed_are_no_pairs() -> None:
    """Only blocks of the same round are compared."""
    over, under = contestant("a", 1, block(4.0), block(9.0)), contestant("b", 1, block(2.0))
    assert ratio("r", over, under).quartiles is not None
    assert ratio("r", over, under).value == 2.0


def test_a_percentile_is_of_the_parts_of_a_block() -> None:
    """Half of the parts are below the median, and the largest is above all."""
    assert percentile(0.5)(block(1.0, 5, 1, 4, 2, 3)) == 3
    assert percentile(0.999)(block(1.0, 5, 1, 4, 2, 3)) == 5


def test_tables_have_a_row_for_each() -> None:
    """The rows say rates, or percentiles of all blocks together; and what one call cost either side."""
    one = contestant("one", 2, block(1.0, 1000, 2000), block(1.0, 3000, 4000))
    assert rates("t", "calls/s", [one]).rows[0][1][:3] == (2.0, 2.0, 2.0)
    assert times([one]).rows[0][1] == (3.0, 4.0, 4.0, 250_000.0, 125_000.0, 0.5, 1.0)
