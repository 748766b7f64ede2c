"""Whether and when something that has ended is started again."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.supervisor.restart import Again, GivenUp, History, Over, Policy, decide

POLICY = Policy("on-failure", restarts=3, within=60.0, backoff_first=0.1, backoff_longest=30.0, stable=60.0)


def policy(**changes: object) -> Policy:
    return attrs.evolve(POLICY, **changes)


@pytest.mark.parametrize(
    ("restart", "failed", "follows"),
    [
        ("always", True, Again),
        ("always", False, Again),
        ("on-failure", True, Again),
        ("on-failure", False, Over),
        ("never", True, GivenUp),
        ("never", False, Over),
    ],
)
def test_policy_says_what_follows_an_end(restart: str, failed: bool, follows: type) -> None:
    """Each policy answers a failure and a good end in its own way."""
    after = decide(policy(restart=restart), History(), failed=failed, ran=1.0, now=10.0, chance=0.5)
    assert isinstance(after, follows)


def test_restarts_within_the_window_are_bounded() -> None:
    """The fourth failure within the window of three restarts gives up."""
    history, answers = History(), []
    for now in (1.0, 2.0, 3.0, 4.0):
        after = decide(POLICY, history, failed=True, ran=0.1, now=now, chance=0.0)
        answers.append(type(after))
        history = after.history if isinstance(after, Again) else history
    assert answers == [Again, Again, Again, GivenUp]


def test_restarts_before_the_window_do_not_count() -> None:
    """A restart that is as old as the window is forgotten."""
    after = decide(POLICY, History((0.0, 30.0, 30.0), 3), failed=True, ran=1.0, now=60.0, chance=0.0)
    assert isinstance(after, Again)
    assert after.history.restarts == (30.0, 30.0, 60.0)


def test_a_stable_run_forgets_all_failures() -> None:
    """After running for the stable time the wait starts anew and no restart counts."""
    after = decide(POLICY, History((99.0, 99.5, 99.9), 9), failed=True, ran=60.0, now=100.0, chance=0.0)
    assert after == Again(0.05, History((100.0,), 1))


def test_wait_doubles_to_the_longest() -> None:
    """Each restart waits twice as long as the one before, and none longer than the longest."""
    roomy = policy(restarts=100)
    waits = []
    for streak in (0, 1, 2, 3, 8, 9, 5000):
        after = decide(roomy, History((), streak), failed=True, ran=0.0, now=0.0, chance=1.0)
        assert isinstance(after, Again)
        waits.append(after.wait)
    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 25.6, 30.0, 30.0])


@given(
    streak=st.integers(0, 10_000),
    chance=st.floats(0, 1, exclude_max=True),
    first=st.floats(0, 3600),
    longest=st.floats(0, 3600),
)
def test_wait_is_between_half_and_all_of_the_backoff(streak: int, chance: float, first: float, longest: float) -> None:
    """Whatever the chance, the wait is never negative, never above the longest, and at least half of the backoff."""
    after = decide(
        policy(backoff_first=first, backoff_longest=longest),
        History((), streak),
        failed=True,
        ran=0.0,
        now=0.0,
        chance=chance,
    )
    assert isinstance(after, Again)
    whole = min(longest, first * 2.0 ** min(streak, 60))
    assert whole / 2 <= after.wait <= whole <= longest


@given(st.lists(st.tuples(st.floats(0.001, 100), st.booleans()), max_size=60))
def test_no_window_ever_holds_more_than_the_restarts(ends: list[tuple[float, bool]]) -> None:
    """However the ends fall, no stretch as long as the window has more restarts than are allowed in it."""
    now, history, restarted = 0.0, History(), []
    for ran, failed in ends:
        now += ran
        after = decide(policy(stable=1e9), history, failed=failed, ran=ran, now=now, chance=0.0)
        if not isinstance(after, Again):
            break
        history = after.history
        restarted.append(now)
    for start in restarted:
        assert sum(start <= at < start + POLICY.within for at in restarted) <= POLICY.restarts
