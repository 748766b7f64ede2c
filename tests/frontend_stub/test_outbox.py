"""Messages gathered into batches."""

from __future__ import annotations

from typing import Any

import cbor2
from hypothesis import given
from hypothesis import strategies as st

from stockade_frontend.outbox import LARGEST_HEAD, Outbox


def drain(outbox: Outbox) -> list[bytes]:
    frames = []
    while (frame := outbox.batch()) is not None:
        assert outbox.batch() is frame
        outbox.sent()
        frames.append(frame)
    return frames


@given(st.lists(st.binary(max_size=40)), st.integers(1, 30), st.integers(50, 400))
def test_all_messages_go_in_order_within_the_limits(items: list[bytes], messages: int, size: int) -> None:
    """No batch has too many messages or bytes, none is empty, none is lost."""
    outbox = Outbox()
    outbox.messages, outbox.size = messages, size
    for item in items:
        outbox.put(cbor2.dumps(item))
    frames = drain(outbox)
    batches: list[list[Any]] = [cbor2.loads(frame) for frame in frames]
    assert [item for batch in batches for item in batch] == items
    assert all(1 <= len(batch) <= messages for batch in batches)
    assert all(len(frame) <= size for frame in frames)
    assert outbox.batches == len(frames)
    assert not outbox


def test_heads_of_all_sizes_are_right() -> None:
    """1, 23, 24, 255, 256 and 1024 messages are written in three ways."""
    for count in (1, 23, 24, 255, 256, 1024):
        outbox = Outbox()
        outbox.messages, outbox.size = 1024, 10_000
        for number in range(count):
            outbox.put(cbor2.dumps(number))
        assert [cbor2.loads(frame) for frame in drain(outbox)] == [list(range(count))]


def test_batch_waits_until_it_is_sent() -> None:
    """Where there was no room the same frame is tried again, and what came since goes behind it."""
    outbox = Outbox()
    outbox.messages, outbox.size = 10, 100 + LARGEST_HEAD
    outbox.put(b"\x01")
    frame = outbox.batch()
    outbox.put(b"\x02")
    assert outbox.batch() is frame
    assert outbox
    assert drain(outbox) == [b"\x81\x01", b"\x81\x02"]


@given(st.lists(st.binary(max_size=8), max_size=3))
def test_the_only_message_is_the_same_batch_by_a_shorter_way(items: list[bytes]) -> None:
    """With one message it is what `batch` gives; with none, or several, there is none."""
    outbox, other = Outbox(), Outbox()
    for each in (outbox, other):
        each.messages, each.size = 10, 1000
        for item in items:
            each.put(cbor2.dumps(item))
    only = outbox.only()
    if len(items) != 1:
        assert only is None
    else:
        assert only == other.batch()
        outbox.sent_only()
        other.sent()
    assert drain(outbox) == drain(other)
    assert outbox.batches == other.batches
