"""What is read and written without the codec is what the codec reads and writes."""

from __future__ import annotations

from typing import Any

import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stockade_frontend import brief, wire

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(0, 2**33), st.text(max_size=30), st.integers(-30, -1))
MESSAGES = st.lists(SCALARS | st.dictionaries(st.text(max_size=8), SCALARS, max_size=4), max_size=6)


@pytest.mark.parametrize(
    "message",
    [
        ["result", 1000, 1000],
        ["result", 23, None],
        ["result", 24, "notes/todo"],
        ["result", 70000, {"name": "notes/todo", "whole": True}],
        ["error", 24, {"code": "failed", "message": "no"}],
        ["ping", 7],
    ],
)
def test_short_messages_are_read(message: list[Any]) -> None:
    """A lone message of short scalars, and maps of such, is read as it was written."""
    assert brief.read(cbor2.dumps([message])) == [message]


@pytest.mark.parametrize("value", [[], [[]], [["result", 1, [1]]], [["result", 1, -1]], [["pong", 1], ["pong", 2]]])
def test_anything_else_is_left_to_the_codec(value: Any) -> None:
    """What is not short, or has more than one message or level, gives None."""
    assert brief.read(cbor2.dumps(value)) is None


@pytest.mark.parametrize("data", [b"", b"\x81\x82\x01", b"\x81\x81\x01\x02", b"\x81\x81\x65abc", b"\x81\x81\x61\xff"])
def test_what_is_wrong_is_left_to_the_codec(data: bytes) -> None:
    """Bytes that the codec refuses give None."""
    assert brief.read(data) is None
    with pytest.raises(wire.DecodeError):
        wire.decode(data)


@given(st.binary(max_size=40) | st.tuples(MESSAGES, st.integers(0, 60), st.integers(0, 255)).map(lambda t: _bent(*t)))
def test_any_bytes_are_read_as_the_codec_reads_them_or_not_at_all(data: bytes) -> None:
    """Also of bytes that nobody has meant, nothing is read that the codec would refuse or read differently."""
    read = brief.read(data)
    if read is not None:
        assert repr(read) == repr(wire.decode(data))


@pytest.mark.parametrize("ident", [0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1])
@pytest.mark.parametrize("value", [None, True, False, 0, 24, 256, 70000, "", "notes/todo"])
def test_a_short_result_is_read(ident: int, value: Any) -> None:
    """Its id and its value, of every width."""
    assert brief.result(cbor2.dumps([["result", ident, value]])) == (ident, value)


@pytest.mark.parametrize(
    "batch",
    [
        [["result", 1, [1]]],
        [["result", 1, -1]],
        [["result", 1, 1.5]],
        [["result", "1", 1]],
        [["result", True, 1]],
        [["result", 1, 1, {}]],
        [["error", 1, 1]],
        [["result", 1, 1], ["pong", 2]],
    ],
)
def test_what_is_no_short_result_is_left_to_others(batch: Any) -> None:
    """Nothing is read of it."""
    assert brief.result(cbor2.dumps(batch)) is None


@given(
    st.binary(max_size=40).map(lambda tail: b"\x81\x83fresult" + tail)
    | st.tuples(st.integers(0, 2**33), SCALARS, st.integers(0, 40), st.integers(0, 255)).map(
        lambda t: _bent(["result", t[0], t[1]], t[2], t[3])
    )
)
def test_any_bytes_are_a_result_to_the_codec_too_or_none(data: bytes) -> None:
    """Nothing is read that the codec would refuse or read differently."""
    result = brief.result(data)
    if result is not None:
        assert repr(wire.decode(data)) == repr([["result", *result]])


def _bent(message: list[Any], place: int, byte: int) -> bytes:
    """A message, perhaps with one byte changed."""
    data = bytearray(cbor2.dumps([message]))
    if place < len(data):
        data[place] = byte
    return bytes(data)


@given(
    st.integers(0, 2**33),
    st.text(max_size=26),
    st.dictionaries(st.text(max_size=26), SCALARS | st.integers() | st.floats() | st.binary(max_size=2), max_size=4),
)
@example(23, "a", {"b": 24, "c": 255})
@example(24, "a", {"b": 256, "c": 65535, "d": 65536})
@example(255, "a", {"b": 2**32 - 1})
@example(1, "a", {"b": 2**32})
@example(1, "a", {"b": True, "c": None, "d": "e" * 23})
@example(1, "a", {"b": "e" * 24})
@example(1, "a", {"b": "é"})
def test_a_call_is_written_as_the_codec_writes_it_or_not_at_all(
    ident: int, command: str, arguments: dict[str, Any]
) -> None:
    """The bytes are the same, so which of the two has written them cannot be told."""
    written = brief.call(ident, command, arguments)
    assert written is None or written == cbor2.dumps(("call", ident, command, arguments))


def test_calls_of_short_scalars_are_written() -> None:
    """Those that come most are written here."""
    assert brief.call(1000, "bench.echo", {"value": 1000}) is not None
    assert brief.call(1, "notes.read", {"name": "notes/todo", "whole": True, "until": None}) is not None


@pytest.mark.parametrize("value", [-1, 1.5, b"", [], {}, "x" * 24, "é", 2**32])
def test_a_call_with_anything_else_is_left_to_the_codec(value: Any) -> None:
    """It looks into nothing and checks nothing."""
    assert brief.call(1, "a.b", {"c": value}) is None


def test_an_argument_of_a_class_of_its_own_is_left_to_the_check() -> None:
    """A subclass of int or str is the author's mistake, for which there is an error with words."""

    class Number(int):
        pass

    assert brief.call(1, "a.b", {"c": Number(1)}) is None
