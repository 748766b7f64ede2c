"""What one worker listens to."""

from __future__ import annotations

from stockade import limits
from stockade.core.events.subscriptions import Subscriptions


def test_an_exact_subscription_hears_its_event_alone() -> None:
    """Neither what begins so nor what it begins with."""
    heard = Subscriptions(8)
    assert heard.add("notes/changed", prefix=False)
    assert heard.hears("notes/changed")
    assert not heard.hears("notes/changed-again")
    assert not heard.hears("notes")


def test_a_prefix_hears_everything_under_it() -> None:
    """At any depth; the slash belongs to it."""
    heard = Subscriptions(8)
    heard.add("notes/", prefix=True)
    assert heard.hears("notes/a")
    assert heard.hears("notes/a/b")
    assert not heard.hears("notes2/a")


def test_the_limit_counts_each_subscription_once() -> None:
    """One that is there already needs no room; one that is forgotten makes some."""
    heard = Subscriptions(1)
    assert heard.add("a", prefix=False)
    assert heard.add("a", prefix=False)
    assert not heard.add("b", prefix=False)
    assert heard.discard("a", prefix=False)
    assert not heard.discard("a", prefix=False)
    assert heard.add("b/", prefix=True)


def test_denied_subscriptions_are_remembered_up_to_a_limit_and_until_they_are_taken_back() -> None:
    """Asking for the same one again is nothing new."""
    heard = Subscriptions(8)
    for number in range(limits.DENIED_TOPICS):
        assert heard.deny(f"secret/{number}", prefix=False)
    assert heard.deny("secret/0", prefix=False)
    assert not heard.deny("secret/more", prefix=False)
    assert not heard.discard("secret/0", prefix=False)
    assert heard.deny("secret/more", prefix=False)
    assert not heard.hears("secret/more")
    assert len(heard) == 0
