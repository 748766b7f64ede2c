"""What is read and written without the codec is what the codec reads and writes."""

from __future__ import annotations

from typing import Any

import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stockade.core.wire import brief, codec

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(0, 2**33), st.text(max_size=30), st.integers(-30, -1))
MESSAGES = st.lists(SCALARS | st.dictionaries(st.text(max_size=8), SCALARS, max_size=4), max_size=6)


@pytest.mark.parametrize(
    "message",
    [
        ["call", 1000, "bench.echo", {"value": 1000}],
        ["call", 70000, "notes.read", {"name": "notes/todo", "whole": True, "until": None}],
        ["call", 7, "notes.list", {}, {"deadline": 5000}],
        ["result", 23, None],
        ["error", 24, {"code": "failed", "message": "no"}],
    ],
)
def test_short_messages_are_read(message: list[Any]) -> None:
    """A lone message of short scalars, and maps of such, is read as it was written."""
    assert brief.read(cbor2.dumps([message])) == [message]


@pytest.mark.parametrize(
    "value",
    [
        [],
        [[]],
        [["call", 1, "a", {"b": [1]}]],
        [["call", 1, "a", {"b": {"c": 1}}]],
        [["call", 1, "a", {"b": -1}]],
        [["call", 1, "a", {"b": 1.5}]],
        [["call", 1, "a", {1: 2}]],
        [["ready"], ["ping", 1]],
        [["call", 1, "a", {"b": "x" * 100}]],
        "ready",
    ],
)
def test_anything_else_is_left_to_the_codec(value: Any) -> None:
    """What is not short, or has more than one message or level, gives None."""
    assert brief.read(cbor2.dumps(value)) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x81",
        b"\x81\x81",
        b"\x81\x82\x01",  # an item is missing
        b"\x81\x81\x01\x02",  # and one too many
        b"\x81\x81\x65abc",  # a text that goes on behind the end
        b"\x81\x81\x19\x01",
        b"\x81\x81\x1a\x01\x02",
        b"\x81\x81\x61\xff",  # no UTF-8
        b"\x81\x81\xa1\x61a",  # a value is missing
        b"\x81\x81\xa2\x61a\x01\x61a\x02",  # a key twice
        b"\x81\x81\xf7",
        b"\x81\x81\xc0\x01",
    ],
)
def test_what_is_wrong_is_left_to_the_codec(data: bytes) -> None:
    """Bytes that the codec refuses give None."""
    assert brief.read(data) is None
    with pytest.raises(codec.WireError):
        codec.decode(data)


@given(MESSAGES)
def test_a_message_is_read_as_the_codec_reads_it_or_not_at_all(message: list[Any]) -> None:
    """Values and their types are the codec's."""
    read = brief.read(cbor2.dumps([message]))
    assert read is None or (read == [message] and repr(read) == repr([message]))


@given(st.binary(max_size=40) | st.tuples(MESSAGES, st.integers(0, 60), st.integers(0, 255)).map(lambda t: _bent(*t)))
@example(b"\x81\x81\x5b\xff\xff\xff\xff\xff\xff\xff\xff")
def test_any_bytes_are_read_as_the_codec_reads_them_or_not_at_all(data: bytes) -> None:
    """Also of bytes that nobody has meant, nothing is read that the codec would refuse or read differently."""
    read = brief.read(data)
    if read is not None:
        assert repr(read) == repr(codec.decode(data))


def _bent(message: list[Any], place: int, byte: int) -> bytes:
    """A message with one byte changed."""
    data = bytearray(cbor2.dumps([message]))
    data[place % len(data)] = byte
    return bytes(data)


@given(SCALARS | st.integers() | st.binary(max_size=3) | st.floats())
@example(0)
@example(23)
@example(24)
@example(255)
@example(256)
@example(65535)
@example(65536)
@example(2**32 - 1)
@example(2**32)
def test_a_value_is_written_as_the_codec_writes_it_or_not_at_all(value: Any) -> None:
    """The bytes are the same, so which of the two has written them cannot be told."""
    written = brief.write(value)
    assert written is None or written == cbor2.dumps(value)
