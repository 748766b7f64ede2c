"""Subscriptions and emits as frames."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.core.wire.codec import decode, encode
from stockade.core.wire.topics import EventFrame, parse_emit, parse_subscription
from stockade.errors import Breach, BreachCode

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("frame", "meaning"),
    [
        (b"\x01notes/changed|", (True, "notes/changed", False)),
        (b"\x00notes/changed|", (False, "notes/changed", False)),
        (b"\x01notes/", (True, "notes/", True)),
        (b"\x01core:worker/ready|", (True, "core:worker/ready", False)),
        (b"\x01" + b"a" * 128 + b"|", (True, "a" * 128, False)),
    ],
)
def test_a_subscription_is_a_topic_or_a_prefix(frame: bytes, meaning: tuple[bool, str, bool]) -> None:
    """A bar ends a name, a slash a prefix."""
    assert parse_subscription(frame) == meaning


@pytest.mark.parametrize(
    "frame",
    [b"", b"\x01", b"\x00", b"\x01notes", b"\x02notes|", b"\xffnotes|", b"\x01/", b"\x01|", b"\x01a/|", b"\x01a//",
     b"\x01\xff|", b"\x01a b|", b"\x01" + b"a" * 129 + b"|", b"hello"],
)  # fmt: skip
def test_anything_else_is_a_breach(frame: bytes) -> None:
    """The empty subscription, which is everything, too."""
    with pytest.raises(Breach) as caught:
        parse_subscription(frame)
    assert caught.value.code is BreachCode.BAD_SUBSCRIPTION


def test_an_emit_has_name_payload_and_receiver() -> None:
    """The sequence number is checked and not needed."""
    assert parse_emit(b"a/b|" + encode([1, {"x": 1}])) == ("a/b", {"x": 1}, None, None)
    options = {"to": "editor", "later": 1}
    assert parse_emit(b"a/b|" + encode([2.0, None, options, "more"])) == ("a/b", None, "editor", None)


@pytest.mark.parametrize("trace", [TRACE, "not a trace", 5, None])
def test_an_emit_has_its_trace_if_that_is_well_formed(trace: Any) -> None:
    """Whatever else it is, it is ignored."""
    assert parse_emit(b"a/b|" + encode([1, 5, {"trace": trace}])).trace == (TRACE if trace == TRACE else None)


def test_an_event_carries_its_trace_behind_its_payload() -> None:
    """And nothing stands there without one."""
    assert EventFrame("a", "core", 5, TRACE).numbered(7) == b"a|" + encode([7, "core", 5, {"trace": TRACE}])
    assert EventFrame("a", "core", 5).numbered(7) == b"a|" + encode([7, "core", 5])


@pytest.mark.parametrize(
    "body", [[], [1], [-1, 0], ["1", 0], [True, 0], [1.5, 0], [2**53, 0], [1, 0, 5], [1, 0, {"to": 5}], {}]
)
def test_an_emit_of_another_shape_is_a_breach(body: Any) -> None:
    """An array of at least a sequence number and a payload, then a map."""
    with pytest.raises(Breach) as caught:
        parse_emit(b"a/b|" + encode(body))
    assert caught.value.code is BreachCode.BAD_EVENT


@given(st.binary(max_size=40))
def test_no_frame_raises_anything_but_a_breach(frame: bytes) -> None:
    """Whatever a peer sends."""
    for parse in (parse_emit, parse_subscription):
        with contextlib.suppress(Breach):
            parse(frame)


def test_a_frame_is_numbered_for_each_worker() -> None:
    """Topic, then the array of number, source and payload; `size` bounds it."""
    frame = EventFrame("notes/changed", "editor", [1, 2])
    for seq in (1, 24, 2**53 - 1):
        topic, _, body = frame.numbered(seq).partition(b"|")
        assert (topic, decode(body)) == (b"notes/changed", [seq, "editor", [1, 2]])
        assert len(frame.numbered(seq)) <= frame.size
