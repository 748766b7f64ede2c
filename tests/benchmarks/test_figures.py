"""Figures and the statistics they are made of."""

from __future__ import annotations

import pytest

from benchmarks.figures import Figure, quartiles, text


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


@pytest.mark.parametrize(
    ("value", "said"),
    [(1234.5, "1,234"), (99.95, "100"), (0.1234, "0.123"), (0.0, "0"), (1e-7, "0"), (-250.0, "-250"), (None, "")],
)
def test_numbers_have_three_digits_that_count(value: float | None, said: str) -> None:
    """And never an exponent, which no reader of a table wants."""
    assert text(value) == said
