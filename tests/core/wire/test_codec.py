"""The strict profile as the core reads and writes it; docs/vectors.json has the cases that both codecs share."""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import datetime
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade import limits
from stockade.core.wire import codec
from stockade.core.wire.codec import WireError, check, decode, encode, join

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text("abc@Z\x1b;é"), inner, max_size=5),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_encoded_decodes_to_itself(value: Any) -> None:
    """Every value of the profile survives the wire."""
    check(value)
    assert decode(encode(value)) == value


@pytest.mark.parametrize("tag", [*range(300), 1000, 1004, 43000, 55799, 55800, 2**16, 2**32, 2**64 - 1])
def test_every_tag_is_refused(tag: int) -> None:
    """Tags that cbor2 would act on, tags that it swallows without a trace, and those that nobody knows."""
    with pytest.raises(WireError):
        decode(cbor2.dumps(cbor2.CBORTag(tag, [1])))


@pytest.mark.parametrize(
    "data",
    ["00ff", "9fff", "5f4100ff", "7fff", "bfff", "f7", "f0", "f820", "a2616100616101", "a10102", "a1416102", "a1f602"],
)
def test_what_the_profile_has_not_is_refused(data: str) -> None:
    """Trailing bytes, indefinite lengths, undefined, simple values, duplicate keys, keys that are not text."""
    with pytest.raises(WireError):
        decode(bytes.fromhex(data))


@pytest.mark.parametrize(
    "data", ["1b8000000000000000", "1bffffffffffffffff", "3b8000000000000000", "811bffffffffffffffff"]
)
def test_integers_of_more_than_64_bits_are_refused(data: str) -> None:
    """CBOR's own integers reach to plus and minus 2^64, the profile's are signed and have 64 bits."""
    with pytest.raises(WireError, match="64 bits"):
        decode(bytes.fromhex(data))


def test_the_least_and_the_most_integer_are_accepted() -> None:
    """Both ends of the range are in it."""
    assert decode(bytes.fromhex("821b7fffffffffffffff3b7fffffffffffffff")) == [2**63 - 1, -(2**63)]


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    """Whatever a peer sends, it is a value or a WireError."""
    try:
        value = decode(data)
    except WireError:
        return
    check(value, limits.DEPTH)


@pytest.mark.parametrize("depth", [1, limits.DEPTH])
def test_nesting_is_accepted_up_to_the_limit(depth: int) -> None:
    """The outermost array is counted."""
    decode(b"\x81" * depth + b"\x00")


@pytest.mark.parametrize("data", [b"\x81" * 33 + b"\x00", b"\xa1\x61@" * 33 + b"\x00", b"\x81" * 100_000])
def test_deeper_nesting_is_refused(data: bytes) -> None:
    """Of arrays as of maps, and whether the value is walked again or not."""
    with pytest.raises(WireError):
        decode(data)


def test_an_announced_length_is_not_allocated() -> None:
    """Nine bytes that announce 2^60 elements, or bytes, cost nothing."""
    for head in (b"\x9b", b"\xbb", b"\x5b", b"\x7b"):
        with pytest.raises(WireError):
            decode(head + (2**60).to_bytes(8, "big"))


@pytest.mark.parametrize("value", [datetime(2026, 1, 1), {1: 2}, {"a": {b"k": 1}}, {1, 2}, 2**63, [object()], 1j])  # noqa: DTZ001
def test_a_sender_refuses_what_the_profile_cannot_say(value: Any) -> None:
    """Nothing is sent in its place."""
    with pytest.raises(WireError):
        check(value)


def test_a_sender_refuses_lone_surrogates() -> None:
    """They are no UTF-8."""
    with pytest.raises(WireError):
        encode("\ud800")


def test_a_payload_leaves_room_for_its_message() -> None:
    """A value as deep as `check` passes still decodes with a batch, a message and an argument around it."""
    deepest: Any = 0
    for _ in range(limits.DEPTH - 3):
        deepest = [deepest]
    check(deepest)
    decode(encode([["call", 1, "a", {"b": deepest}]]))
    with pytest.raises(WireError):
        check([deepest])


def test_nan_survives() -> None:
    """NaN is a float like others."""
    assert math.isnan(decode(encode(math.nan)))


@pytest.mark.parametrize("count", [1, 23, 24, 255, 256, 1024])
def test_join_is_the_array_of_its_parts(count: int) -> None:
    """The parts are not encoded again."""
    parts = [encode([number, "x"]) for number in range(count)]
    assert join(parts, count) == encode([[number, "x"] for number in range(count)])


@given(st.lists(st.binary(max_size=40) | VALUES.map(encode), max_size=8), VALUES)
def test_a_frame_that_was_refused_leaves_nothing_behind(frames: list[bytes], value: Any) -> None:
    """One decoder reads all frames, so what one of them has left it in must not tell in the next."""
    for frame in [*frames, b"\x82" * limits.DEPTH, b"\xa2\x61a\x01\x61a", b"\x5a\x00\x00\xff\xff"]:
        with suppress(WireError):
            decode(frame)
    assert decode(encode(value)) == value
    decode(b"\x81" * limits.DEPTH + b"\x00")


@pytest.mark.parametrize(
    "behind", [codec._BEHIND, codec._BEHIND + b"\x00", b"\x50" + codec._END[:8], codec._BEHIND[:-1]]
)
def test_bytes_behind_the_value_are_refused_whatever_they_are(behind: bytes) -> None:
    """Also what the codec itself puts behind a frame to see that there was nothing, or a part of it."""
    with pytest.raises(WireError):
        decode(b"\x81\x01" + behind)


def test_what_is_put_behind_a_frame_may_stand_in_it() -> None:
    """It is a value as any other."""
    assert decode(cbor2.dumps([codec._END])) == [codec._END]
