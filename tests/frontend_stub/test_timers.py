"""What is to be looked at again, and when."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stockade_frontend.pending import Pending
from stockade_frontend.timers import Timers


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=300))
def test_what_is_not_done_is_due_in_its_order(given: list[tuple[float, bool]]) -> None:
    """Each once, at its time and not before; what is done is never given."""
    timers, awaited = Timers(), []
    for when, done in given:
        pending = Pending(when)
        timers.add(when, pending)
        pending.done = done
        awaited += [] if done else [when]
    assert timers.next() == min(awaited, default=None)
    early = [thing.key for thing in timers.due(50.0) if isinstance(thing, Pending)]
    late = [thing.key for thing in timers.due(100.0) if isinstance(thing, Pending)]
    assert early == sorted(when for when in awaited if when <= 50)
    assert late == sorted(when for when in awaited if when > 50)
    assert timers.next() is None


def test_what_is_done_is_forgotten_long_before_its_time() -> None:
    """A million calls that had a minute and took a moment leave nothing behind."""
    timers = Timers()
    live = [Pending(n) for n in range(10)]
    for pending in live:
        timers.add(60.0, pending)
    for n in range(10_000):
        pending = Pending(n)
        timers.add(60.0 + n, pending)
        pending.done = True
    assert len(timers.heap) < 200
    assert len(timers.due(60.0)) == len(live)
