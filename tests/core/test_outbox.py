"""What waits for a worker: bounded in bytes, cut into batches."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stockade import limits
from stockade.core.outbox import Laden, Outbox
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
        batch, frames = outbox.batch()
        assert not frames
        sent += decode(batch)
        assert len(batch) <= largest or len(decode(batch)) == 1
    assert sent == messages
    assert outbox.size == 0


def test_a_batch_has_at_most_so_many_messages() -> None:
    """A stub may refuse a larger one."""
    outbox = Outbox(bound=10**6, largest=10**6)
    for number in range(limits.BATCH + 1):
        outbox.put(encode(number))
    assert len(decode(outbox.batch()[0])) == limits.BATCH
    assert decode(outbox.batch()[0]) == [limits.BATCH]


def test_one_message_always_has_room() -> None:
    """In an empty outbox; behind it the bound holds."""
    outbox = Outbox(bound=10, largest=1000)
    assert outbox.has_room(500)
    outbox.put(b"x" * 500)
    assert outbox.is_full
    assert not outbox.has_room(1)
    assert outbox.clear() == 1
    assert not outbox.is_full


def test_raw_frames_are_numbered_within_their_batch() -> None:
    """Each message refers to its own frames, by the places that they have in the batch; at most 63 are in one."""
    outbox = Outbox(bound=10**6, largest=10**6)
    begin = encode([0, {"raw": 0}])[:-1]
    for number in range(100):
        outbox.put(Laden((begin, b""), (str(number).encode(),)))
        outbox.put(encode(number))
    heard = []
    while outbox:
        first, frames = outbox.batch()
        assert len(frames) <= limits.FRAMES
        heard += [int(frames[each[1]["raw"] - 1]) if type(each) is list else each for each in decode(first)]
    assert heard == [number for number in range(100) for _ in range(2)]
    assert outbox.size == 0


def test_a_message_with_several_frames_is_not_cut() -> None:
    """All of them are behind the same first frame."""
    outbox = Outbox(bound=10**6, largest=10**6)
    for _ in range(4):
        outbox.put(Laden((b"\x98\x1e", *[b""] * 29, b""), tuple(b"x" for _ in range(30))))
    counts = []
    while outbox:
        first, frames = outbox.batch()
        assert [index for message in decode(first) for index in message] == list(range(1, len(frames) + 1))
        counts.append(len(frames))
    assert counts == [60, 60]


def test_frames_count_as_bytes_of_their_batch() -> None:
    """A batch is as large as all its frames together."""
    outbox = Outbox(bound=10**6, largest=1000)
    for _ in range(3):
        outbox.put(Laden((b"\x81", b""), (bytes(450),)))
    assert outbox.size >= 1350
    assert [len(outbox.batch()[1]) for _ in range(2)] == [2, 1]


def test_items_wait_while_much_else_does_and_are_called_when_it_went() -> None:
    """Whoever waits to put items is called once."""
    outbox, called = Outbox(bound=10**7, largest=10**7), []
    outbox.put(bytes(limits.ITEMS_OUT))
    assert not outbox.takes_items
    outbox.when_it_takes_items(lambda: called.append(1))
    assert not outbox.is_awaited
    outbox.batch()
    assert outbox.is_awaited
    outbox.wake()
    assert called == [1]
    assert not outbox.is_awaited


def test_what_is_large_is_not_gathered() -> None:
    """Whoever reads a batch has nothing of it before all of it has come."""
    outbox = Outbox(bound=10**8, largest=10**8)
    large = [letter * limits.BATCH_BYTES for letter in (b"b", b"c")]
    for message in (b"a", *large, b"d", b"e"):
        outbox.put(message)
    batches = []
    while outbox:
        batches.append(outbox.batch()[0])
    assert batches == [b"\x81a", b"\x81" + large[0], b"\x81" + large[1], b"\x82de"]
