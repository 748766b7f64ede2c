"""Figures and the statistics they are made of."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))  # benchmarks/ is not installed

from benchmarks.blocks import ratios
from benchmarks.figures import Figure, quartiles


def test_quartiles_cut_a_sample_into_quarters() -> None:
    """The cuts are those of the sorted sample, ends included."""
    found = quartiles([5.0, 1.0, 3.0, 2.0, 4.0])
    assert (found.first, found.median, found.third, found.count) == (2.0, 3.0, 4.0, 5)


def test_one_number_is_its_own_quartiles() -> None:
    """A sample of one has no spread."""
    assert quartiles([2.0]).first == quartiles([2.0]).third == 2.0


@pytest.mark.parametrize(
    ("figure", "reached"),
    [
        (Figure("x", 1.4, at_most=1.4), True),
        (Figure("x", 1.41, at_most=1.4), False),
        (Figure("x", 0.4, at_least=0.4), True),
        (Figure("x", 0.39, at_least=0.4), False),
        (Figure("x", 0.0, at_most=0.0), True),
        (Figure("x", 1.0), None),
    ],
)
def test_a_target_is_reached_or_not(figure: Figure, reached: bool | None) -> None:
    """On its target a figure has reached it; without a target there is nothing to reach."""
    assert figure.reached is reached
    assert figure.to_json()["reached"] is reached


def test_ratios_are_taken_pair_by_pair() -> None:
    """Never of two medians: each block is compared with the one beside it."""
    assert ratios([{"seconds": 2.0}, {"seconds": 9.0}], [{"seconds": 1.0}, {"seconds": 3.0}]) == [2.0, 3.0]
