"""Quotas: a rate with a burst of one second, and places that are taken and given back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.core.policy.quota import Places, Rate, Statistics


def test_a_burst_of_one_second_may_come_at_once() -> None:
    """Ten a second: ten now, and the eleventh in a tenth of a second."""
    rate = Rate(10)
    assert [rate.take(5.0) for _ in range(11)] == [0] * 10 + [100]


def test_a_call_may_come_when_it_was_said_that_it_may() -> None:
    """The wait that a refusal names is long enough, and no shorter one is."""
    rate = Rate(4)
    for _ in range(4):
        assert rate.take(0.0) == 0
    assert rate.take(0.0) == 250
    assert rate.take(0.125) == 125
    assert rate.take(0.25) == 0
    assert rate.take(0.25) == 250


def test_what_is_refused_takes_nothing() -> None:
    """Who asks a thousand times meanwhile has room as soon as who waits."""
    patient, impatient = Rate(1), Rate(1)
    assert patient.take(0.0) == impatient.take(0.0) == 0
    for n in range(1000):
        assert impatient.take(n / 1001) > 0
    assert patient.take(1.001) == impatient.take(1.001) == 0


def test_a_pause_gives_no_more_than_one_burst() -> None:
    """After an hour of silence one second's calls may come at once, not an hour's."""
    rate = Rate(3)
    rate.take(0.0)
    assert [rate.take(3600.0) for _ in range(4)] == [0, 0, 0, 334]


@pytest.mark.parametrize(("per_second", "wait"), [(0.5, 2000), (1, 1000), (0.001, 1_000_000)])
def test_a_rate_below_one_is_a_pause_between_calls(per_second: float, wait: int) -> None:
    """The first may come at once, the next after the pause."""
    rate = Rate(per_second)
    assert [rate.take(1.0), rate.take(1.0)] == [0, wait]


@given(st.floats(0.1, 1e6), st.lists(st.floats(0, 10), max_size=200))
def test_no_more_than_the_rate_and_one_burst(per_second: float, pauses: list[float]) -> None:
    """Whenever calls come, in any stretch from the first there are at most its seconds times the rate and a burst."""
    rate, now, taken = Rate(per_second), 0.0, 0
    for pause in pauses:
        now += pause
        taken += rate.take(now) == 0
        assert taken <= rate.burst + now * per_second * (1 + 1e-9) + 1e-6


def test_places_are_bounded_and_refusals_counted() -> None:
    """Over the limit there is none; one given back can be taken again."""
    places = Places(2)
    assert [places.take() for _ in range(4)] == [True, True, False, False]
    places.give_back()
    assert [places.take() for _ in range(2)] == [True, False]
    assert places.statistics() == Statistics(taken=2, refused=3)
