"""Encoding: what commands answer becomes values of the wire, or a reason for the log."""

from __future__ import annotations

import collections
import dataclasses
import enum
import types
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import attrs
import pytest

from stockade.core.types.encoding import DEPTH, EncodingError, encode


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


class Word(str):
    __slots__ = ()


class Number(int):
    pass


class Pair(NamedTuple):
    first: int
    second: str


@attrs.frozen
class Note:
    _name: str
    sizes: tuple[int, ...] = ()
    length: int = attrs.field(init=False, default=0)


@dataclasses.dataclass
class Point:
    x: float
    held: Any = None


class Unfriendly:
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (None, None),
        (True, True),
        (2**63 - 1, 2**63 - 1),
        (1.5, 1.5),
        ("é", "é"),
        (b"a", b"a"),
        (bytearray(b"a"), b"a"),
        (memoryview(b"ab")[1:], b"b"),
        (Word("a"), "a"),
        (Number(3), 3),
        (Color.RED, "red"),
        (Level.LOW, 1),
        ((1, [2]), [1, [2]]),
        (Pair(1, "a"), [1, "a"]),
        ({3}, [3]),
        ({"a": {Word("b"): 1}}, {"a": {"b": 1}}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        ({"a": 1}.keys(), ["a"]),
        (collections.OrderedDict(a=1), {"a": 1}),
        (Note("a", (1,)), {"name": "a", "sizes": [1]}),
        (Point(1.0, Note("a")), {"x": 1.0, "held": {"name": "a", "sizes": []}}),
        (datetime(2024, 5, 1, tzinfo=UTC), "2024-05-01T00:00:00+00:00"),
        (timedelta(minutes=1), 60.0),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Path("a/b"), "a/b"),
        (Decimal("1.50"), "1.50"),
    ],
)
def test_value_becomes_one_of_the_wire(value: Any, wire: Any) -> None:
    """Each type has its one form, down to the exact types that the codec takes."""
    made = encode(value)
    assert made == wire
    assert type(made) is type(wire)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (2**63, "an integer of more than 64 bits"),
        ([1, {"a": -(2**63) - 1}], r"an integer of more than 64 bits .* at \[1\].a"),
        ("\ud800", "lone surrogates"),
        ({"\ud800": 1}, "lone surrogates"),
        (Path("\udcff"), "lone surrogates"),
        (object(), "a value of type object cannot cross the wire"),
        ([object()], r"object cannot cross the wire at \[0\]"),
        (Point(1.0, object()), "object cannot cross the wire at held"),
        (iter([1]), "list_iterator cannot cross the wire"),
        ({1: 2}, "a map's keys are text, and one is of type int$"),
        ({"a": {None: 2}}, "one is of type NoneType at a$"),
        (Decimal("NaN"), "a decimal must be finite"),
        (Unfriendly(), "Unfriendly cannot cross the wire"),
    ],
)
def test_value_that_cannot_cross_says_where_and_why(value: Any, reason: str) -> None:
    """The reason names the path and the type, never the value."""
    with pytest.raises(EncodingError, match=reason):
        encode(value)


def test_list_that_holds_itself_is_refused() -> None:
    """A value without an end is refused as too deep, not followed."""
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(EncodingError, match="containers within each other"):
        encode(endless)


def test_depth_is_what_the_message_leaves() -> None:
    """The deepest answer still fits into its message, one deeper is refused."""

    def nested(depth: int) -> list[Any]:
        value: list[Any] = []
        for _ in range(depth - 1):
            value = [value]
        return value

    assert encode(nested(DEPTH)) == nested(DEPTH)
    with pytest.raises(EncodingError):
        encode(nested(DEPTH + 1))


def test_what_raises_while_it_is_read_is_refused() -> None:
    """A mapping that changes while it is encoded is a refusal, not a crash."""

    class Restless(dict[str, int]):
        def items(self) -> Any:
            raise RuntimeError("changed")

    with pytest.raises(EncodingError, match="changed"):
        encode(Restless())
