"""How much a worker may send ahead of its handlers: credit for each channel, and for all of them together."""

from __future__ import annotations

from typing import Any

import attrs
import cbor2
import pytest

from stockade.config.specs import WorkerLimits
from stockade.core.burden import Burden
from stockade.core.channels import Channels
from stockade.core.commands.ports import Incoming
from stockade.core.outbox import Outbox
from stockade.core.refusals import Refusals
from stockade.core.replies import Replies
from stockade.core.wire import channels as rules
from stockade.core.wire.happenings import Item, Offer

LARGEST = 1_000_000
BOUND = 4 * LARGEST


@attrs.define
class Receiver:
    """The core's ends of channels that a worker sends on, and what was granted on each and not used."""

    burden: Burden
    outbox: Outbox
    rules: rules.Channels
    channels: Channels
    credit: dict[int, int] = attrs.field(factory=dict)

    def open(self, *numbers: int) -> list[Any]:
        offers = [Offer(f"a{number}", number, "callee", 0) for number in numbers]
        self.rules.use(offers)
        self.rules.open_offered(offers)
        ports = self.channels.open(offers)
        self.hear()
        return list(ports.values())

    def hear(self) -> None:
        while self.outbox:
            for _, number, count in cbor2.loads(self.outbox.batch()[0]):
                self.credit[number] = self.credit.get(number, 0) + count

    def send(self, number: int, value: bytes) -> None:
        assert self.rules.take_item(number)
        self.credit[number] -= 1
        self.channels.on_item(Item(number, value))

    def take(self, port: Incoming) -> None:
        port.take()
        self.hear()


@pytest.fixture
def receiver() -> Receiver:
    """One with no channel."""
    outbox, channel_rules, burden = Outbox(10**6, 10**6), rules.Channels(), Burden(BOUND, list)
    replies = Replies(WorkerLimits(), outbox, Refusals("one@1", lambda: 0.0), None)
    loop: Any = None  # nothing here waits in it
    burden.weight = None
    channels = Channels(loop, channel_rules, replies, outbox, burden, outbox.put, LARGEST)
    return Receiver(burden, outbox, channel_rules, channels)


def test_a_channel_begins_with_two_items_and_small_ones_widen_it(receiver: Receiver) -> None:
    """To the whole window, within a few items."""
    (port,) = receiver.open(1)
    assert receiver.credit[1] == 2
    seen = []
    for _ in range(100):
        receiver.send(1, b"x")
        receiver.take(port)
        seen.append(receiver.credit[1])
    assert min(seen[10:]) >= 32
    assert max(seen) == 64


def test_large_items_narrow_the_window_at_once(receiver: Receiver) -> None:
    """One that is suddenly large is followed by no more than are promised already."""
    (port,) = receiver.open(1)
    for _ in range(10):
        receiver.send(1, b"x")
        receiver.take(port)
    receiver.send(1, bytes(LARGEST))
    before = receiver.credit[1]
    receiver.take(port)
    assert receiver.credit[1] == before


@pytest.mark.parametrize("small", [0, 10])
def test_all_channels_together_have_credit_for_a_bounded_number(receiver: Receiver, small: int) -> None:
    """Whatever small items have been proving; one that nobody waits on may have none."""
    numbers = range(1, 128, 2)
    for port, number in zip(receiver.open(*numbers), numbers, strict=True):
        for _ in range(small):
            if not receiver.credit.get(number):
                port.when_item(list)
                receiver.hear()
            receiver.send(number, b"x")
            receiver.take(port)
    assert sum(receiver.credit.values()) <= 4 * 32 + 64
    assert receiver.credit.get(127, 0) <= 1


def test_who_waits_gets_one_item_whatever_the_others_hold(receiver: Receiver) -> None:
    """It may be the one that makes all others move; a second only once there is room."""
    ports = receiver.open(*range(1, 20, 2))
    assert not receiver.credit.get(19)
    ports[-1].when_item(list)
    ports[-1].when_item(list)
    receiver.hear()
    assert receiver.credit[19] == 1


@pytest.mark.parametrize("end", ["taken", "dropped", "closed"])
def test_what_is_over_counts_no_more(receiver: Receiver, end: str) -> None:
    """Neither items nor what was granted and will never come."""
    first, second = receiver.open(1, 3)
    receiver.send(1, bytes(1000))
    if end == "taken":
        receiver.take(first)
    if end == "closed":
        receiver.channels.close((1,), ValueError())  # type: ignore[arg-type]  # nobody reads it
        first.take()
    first.drop()
    second.drop()
    assert (receiver.burden.ahead, receiver.burden.room) == (0, BOUND)
