"""The strict profile of CBOR: what is said as it is, what is refused, and where."""

from __future__ import annotations

import datetime as dt
import enum
import math
import struct
from collections import OrderedDict
from typing import Any

import cbor2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stockade_frontend.errors import EncodeError
from stockade_frontend.wire import DEPTH, DecodeError, decode, encode, integer


class Colour(enum.StrEnum):
    RED = "red"


class Size(enum.IntEnum):
    BIG = 1


def nested(levels: int, innermost: Any) -> Any:
    for _ in range(levels):
        innermost = [innermost]
    return innermost


UNSAYABLE = {
    "a set": ({1}, ""),
    "a date": ({"when": dt.date(2020, 1, 1)}, "when"),
    "bytearray": ({"a": [0, {"b": bytearray()}]}, "a[1].b"),
    "an object": ([object()], "[0]"),
    "a text enumeration": ([[Colour.RED]], "[0][0]"),
    "an integer enumeration": ({"a": Size.BIG}, "a"),
    "a dict's subclass": ({"a": OrderedDict()}, "a"),
    "an integer above 63 bits": ({"n": 2**63}, "n"),
    "an integer below 63 bits": ([1, -(2**63) - 1], "[1]"),
    "a key that is no text": ({"a": {"b": {1: 2}}}, "a.b"),
    "a key of bytes": ({b"a": 1}, ""),
    "a key that is None": ({None: 1}, ""),
    "too deep a list": (nested(DEPTH, []), "[0]" * DEPTH),
    "a lone surrogate": ({"a": ["", "\ud800"]}, "a[1]"),
    "a key with a lone surrogate": ({"a": {"\ud800": 1}}, r"a.\ud800"),
    "undefined": ([cbor2.undefined], "[0]"),
    "a tag": ({"t": cbor2.CBORTag(1, 1)}, "t"),
    "a simple value": ([cbor2.CBORSimpleValue(1)], "[0]"),
}


@pytest.mark.parametrize("case", UNSAYABLE)
def test_unsayable_value_is_refused_with_its_path(case: str) -> None:
    """What the profile cannot say is never sent as something else."""
    value, path = UNSAYABLE[case]
    with pytest.raises(EncodeError) as refusal:
        encode(value)
    assert refusal.value.path == path


def test_cycle_is_refused() -> None:
    """A value that contains itself is one that is too deep."""
    cycle: list[Any] = []
    cycle.append(cycle)
    with pytest.raises(EncodeError, match="32 containers"):
        encode(cycle)


def test_deepest_value_is_sent() -> None:
    """Thirty-two containers within each other are still right, the innermost empty or not."""
    for value in (nested(DEPTH, 1), nested(DEPTH - 1, {}), nested(DEPTH - 1, {"a": None})):
        assert decode(encode(value)) == value


def test_tuple_is_sent_as_an_array() -> None:
    """The one type that does not come back as itself."""
    assert decode(encode({"a": (1, (2,))})) == {"a": [1, [2]]}


SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text() | st.binary()
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30)


@given(VALUES)
def test_value_comes_back_as_it_was(value: Any) -> None:
    """Everything that can be sent is read as just that, types included."""
    assert repr(decode(encode(value))) == repr(value)


def test_not_a_number_comes_back() -> None:
    """NaN and the infinities are floats like others."""
    assert math.isnan(decode(encode(math.nan)))
    assert decode(encode([math.inf, -math.inf])) == [math.inf, -math.inf]


class Refused(Exception):
    """The judge below does not take the bytes."""


class Judge:
    """The profile once more, read straight from the protocol, slow and plain."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def whole(self) -> Any:
        value = self.item(1)
        if self.at != len(self.data):
            raise Refused
        return value

    def take(self, count: int) -> bytes:
        part = self.data[self.at : self.at + count]
        if len(part) != count:
            raise Refused
        self.at += count
        return part

    def item(self, level: int) -> Any:
        head = self.take(1)[0]
        major, rest = head >> 5, head & 31
        if major == 7:
            return self.simple(rest)
        if rest > 27 or major == 6:
            raise Refused
        count = rest if rest < 24 else int.from_bytes(self.take(1 << (rest - 24)), "big")
        if major < 2:
            if count >= 2**63:
                raise Refused
            return -1 - count if major else count
        if major == 2:
            return self.take(count)
        if major == 3:
            return self.text(count)
        if level > DEPTH:
            raise Refused
        if major == 4:
            return [self.item(level + 1) for _ in range(count)]
        return self.map(count, level)

    def text(self, count: int) -> str:
        try:
            return self.take(count).decode("utf-8")
        except UnicodeDecodeError:
            raise Refused from None

    def map(self, count: int, level: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for _ in range(count):
            key = self.item(level + 1)
            if type(key) is not str or key in made:
                raise Refused
            made[key] = self.item(level + 1)
        return made

    def simple(self, rest: int) -> Any:
        values = {20: False, 21: True, 22: None}
        if rest in values:
            return values[rest]
        forms = {25: ">e", 26: ">f", 27: ">d"}
        if rest not in forms:
            raise Refused
        return struct.unpack(forms[rest], self.take(struct.calcsize(forms[rest])))[0]


#: Items and beginnings of items, right and wrong, in hexadecimal digits.
HEADS = st.sampled_from([
    bytes.fromhex(item)
    for item in (
        "80 81 82 84 a0 a1 a2 6161 6162 60 61ff 63e282ac 40 4161 00 17 1818 190100 1c 20 f4 f5 f6 f7 e0 f3 f820 f818 "
        "1b7fffffffffffffff 1b8000000000000000 3b7fffffffffffffff 3b8000000000000000 f93c00 fa00000000 "
        "fb0000000000000000 fc ff 9f bf 5f 7f c0 c1 c2 d81c d823 d9d9f7 d90100 " + "81" * 31 + " " + "a16161" * 31
    ).split()
])  # fmt: skip


@settings(max_examples=1500)
@given(st.lists(HEADS | st.binary(max_size=2), max_size=12).map(b"".join))
@example(b"\x81" * 32 + b"\x80")
@example(b"\x81" * 31 + b"\xa0")
@example(b"\xa1\xf7\x00")
@example(b"\xa1\x41a\x00")
@example(b"")
def test_bytes_are_judged_as_the_protocol_says(data: bytes) -> None:
    """What a plain reading of the profile takes is taken, with the same value; all else is refused."""
    try:
        expected = repr(Judge(data).whole())
    except Refused:
        with pytest.raises(DecodeError):
            decode(data)
    else:
        assert repr(decode(data)) == expected


def test_no_tag_is_taken_for_its_value() -> None:
    """Whatever cbor2 would make of a tag by itself, a tag is refused."""
    for tag in (*range(300), 1004, 43000, 55799, 65535, 2**32, 2**63):
        for content in (b"\x00", b"\x60", b"\x41\x01", b"\x80", b"\x82\x01\x02", b"\xa0"):
            with pytest.raises(DecodeError):
                decode(b"\x81\xdb" + tag.to_bytes(8, "big") + content)


def test_long_length_without_content_costs_nothing() -> None:
    """A head that promises 2^60 items is refused, not provided for."""
    for major in (b"\x5b", b"\x7b", b"\x9b", b"\xbb"):
        with pytest.raises(DecodeError):
            decode(major + b"\x10" + b"\x00" * 7)


INTEGERS = [(0, 0), (7.0, 7), (2**53 - 1, 2**53 - 1), (float(2**53 - 1), 2**53 - 1)]
NO_INTEGERS = [-1, -1.0, 2**53, float(2**53), 1.5, True, None, "1", math.nan, math.inf]


@pytest.mark.parametrize(("value", "expected"), INTEGERS)
def test_integral_number_is_an_integer_of_the_protocol(value: Any, expected: int) -> None:
    """Some encoders write large integers as floats."""
    assert (integer(value), type(integer(value))) == (expected, int)


@pytest.mark.parametrize("value", NO_INTEGERS)
def test_anything_else_is_no_integer_of_the_protocol(value: Any) -> None:
    """Out of range, fractions, booleans and texts."""
    assert integer(value) is None
