"""What may be sent on which channel. That both ends agree in any order is tried in test_lives."""

from __future__ import annotations

import pytest

from stockade import limits
from stockade.core.wire.channels import Channels, Statistics
from stockade.core.wire.happenings import Offer
from stockade.errors import Breach, BreachCode


def opened(*offers: Offer, limit: int = limits.CHANNELS) -> Channels:
    """The channels of a call."""
    channels = Channels(limit)
    channels.use(offers)
    channels.open_offered(offers)
    return channels


def test_the_core_sends_what_it_was_granted() -> None:
    """And no more: to send without credit is a bug of the core's own."""
    channels = opened(Offer("yield", 1, "caller", 1))
    assert channels.sendable(1) == 1
    channels.note_item(1)
    assert channels.sendable(1) == 0
    with pytest.raises(ValueError, match="may not send"):
        channels.note_item(1)
    assert channels.take_credit(1, 2)
    assert channels.sendable(1) == 2


def test_the_core_grants_only_where_it_receives() -> None:
    """Another grant is a bug of its own, and one on a channel that has ended needs not be said."""
    channels = opened(Offer("rows", 1, "callee", 0), Offer("yield", 3, "caller", 0))
    assert channels.note_credit(1, 2)
    assert channels.take_item(1)
    with pytest.raises(ValueError, match="may not grant"):
        channels.note_credit(3, 2)
    assert channels.end(1)
    assert not channels.note_credit(1, 2)


@pytest.mark.parametrize("number", [0, 1, 2, 2**53 - 1])
def test_what_was_never_opened_is_a_breach(number: int) -> None:
    """Zero is no channel at all."""
    with pytest.raises(Breach) as caught:
        Channels().take_item(number)
    assert caught.value.code is BreachCode.UNKNOWN_CHANNEL


def test_an_end_makes_room_for_another_of_the_worker_s() -> None:
    """The core's own do not count."""
    channels = opened(Offer("a", 1, "callee", 0), limit=2)
    channels.open_own(True, 0)
    assert channels.has_room(1)
    assert not channels.has_room(2)
    assert channels.end(1)
    assert channels.has_room(2)


def test_statistics_count_what_was() -> None:
    """Open, opened, and the items of both directions."""
    channels = opened(Offer("a", 1, "callee", 0), Offer("b", 3, "caller", 5))
    channels.note_credit(1, 5)
    channels.take_item(1)
    channels.note_item(3)
    channels.note_item(3)
    assert channels.end_all() == (1, 3)
    assert channels.end_all() == ()
    assert channels.statistics() == Statistics(open=0, opened=2, items_in=1, items_out=2)
