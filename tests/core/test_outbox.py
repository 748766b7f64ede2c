"""What waits for a worker: bounded in bytes, cut into batches."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stockade import limits
from stockade.core.outbox import Outbox
from stockade.core.wire.codec import decode, encode


@given(st.lists(st.integers(0, 300), min_size=1, max_size=60), st.integers(50, 400))
def test_batches_hold_all_messages_in_order(sizes: list[int], largest: int) -> None:
    """Each within the limit, but for a message that is alone over it."""
    outbox = Outbox(bound=10**6, largest=largest)
    messages = [[number, "x" * size] for number, size in enumerate(sizes)]
    for message in messages:
        outbox.put(encode(message))
    sent = []
    while outbox:
        batch = outbox.batch()
        sent += decode(batch)
        assert len(batch) <= largest or len(decode(batch)) == 1
    assert sent == messages
    assert outbox.size == 0


def test_a_batch_has_at_most_so_many_messages() -> None:
    """A stub may refuse a larger one."""
    outbox = Outbox(bound=10**6, largest=10**6)
    for number in range(limits.BATCH + 1):
        outbox.put(encode(number))
    assert len(decode(outbox.batch())) == limits.BATCH
    assert decode(outbox.batch()) == [limits.BATCH]


def test_one_message_always_has_room() -> None:
    """In an empty outbox; behind it the bound holds."""
    outbox = Outbox(bound=10, largest=1000)
    assert outbox.has_room(500)
    outbox.put(b"x" * 500)
    assert outbox.is_full
    assert not outbox.has_room(1)
    assert outbox.clear() == 1
    assert not outbox.is_full
