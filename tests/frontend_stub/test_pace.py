"""How often a worker may call."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade_frontend.pace import Pace


def test_one_second_of_calls_may_come_at_once() -> None:
    """The next waits for its share of a second, and takes nothing before."""
    pace = Pace(10)
    assert [pace.take(0.0) for _ in range(10)] == [0.0] * 10
    assert pace.take(0.0) == pytest.approx(0.1)
    assert pace.take(0.05) == pytest.approx(0.05)
    assert pace.take(0.1) == 0.0
    assert pace.take(0.1) > 0


def test_rate_below_one_is_a_pause_between_calls() -> None:
    """One call has room in it all the same."""
    pace = Pace(0.5)
    assert pace.take(5.0) == 0.0
    assert pace.take(5.0) == pytest.approx(2.0)
    assert pace.take(7.0) == 0.0


@given(st.floats(0.1, 1000), st.lists(st.floats(0, 0.5), max_size=200))
def test_no_more_than_the_rate_and_one_burst(rate: float, steps: list[float]) -> None:
    """Whoever asks as often as it likes, and when."""
    pace, now, taken = Pace(rate), 0.0, 0
    for step in steps:
        now += step
        taken += pace.take(now) == 0.0
    assert taken <= max(1.0, rate) + now * rate + 1e-6
